/** Writes config/gatehouse.example.toml anew from the schema. */
import { sampleFile } from '../src/config/words.ts'

await Bun.write(new URL('../config/gatehouse.example.toml', import.meta.url), sampleFile())
