import { type CommandContext, EXIT_FAILED, EXIT_OK } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import type { RunningDrill } from '../relay/drills.ts'
import { ownProgram } from './own-program.ts'

/**
 * `gatehouse restore drill`, begun by the running house: in a process of its own, so that what it takes is given back and
 * what goes wrong in it stays there.
 */
export function beginDrill({ options }: Pick<CommandContext<Config>, 'options'>): RunningDrill {
  const { config } = options
  const given = typeof config === 'string' ? ['--config', config] : []
  const drill = Bun.spawn([...ownProgram(), 'restore', 'drill', ...given], {
    stdin: 'ignore',
    stdout: 'ignore',
    // What is wrong is in drill.json.
    stderr: 'ignore',
  })
  return {
    done: drill.exited.then((code) => {
      if (code !== EXIT_OK && code !== EXIT_FAILED)
        throw new Error('The drill was cut off, or the configuration is wrong')
      return code === EXIT_OK
    }),
    cancel: () => drill.kill(),
  }
}
