/** A program for tests: takes reports into a folder, and from there into the database that is named, says what it has acknowledged, and goes on until it is killed. */
import { AudienceIntake } from '../audience-intake.ts'

const [folder = '', run = '0', database] = process.argv.slice(2)
const intake = await AudienceIntake.open({ folder, database, fileBytes: 20_000 })
const start = Date.UTC(2026, 10, 25, 20)
for (let sequence = 0; ; sequence++) {
  const time = start + sequence
  const events = ['x', 'y', 'z'].map((name) => ({
    sessionId: `${run}${name}`,
    kind: 'interval' as const,
    source: 'cmcd' as const,
    time,
    receivedAt: time,
    position: sequence,
    // By their sequence the store knows records that come twice; what has none is there once by the spool alone.
    ...(name !== 'z' && { sequence }),
  }))
  await intake.append(events)
  await new Promise((resolve) => process.stdout.write(`${sequence}\n`, resolve))
}
