/** What went wrong with what somebody asked for, said where they asked. */
export function TaskProblem({ problem }: { problem: string | null }) {
  if (problem === null) return null
  return (
    <p className="field-problem" role="alert">
      {problem}
    </p>
  )
}
