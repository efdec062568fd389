/** The part of the API for recordings: what there is, what grows now, starting and ending it, and cutting a range to one file. */
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { PeerError, UnavailableError } from '../../errors.ts'
import { cutRecordings } from '../recorder/cut.ts'
import type { Recorder, RecordingState } from '../recorder/recorder.ts'
import type { Recording } from '../recorder/recordings.ts'
import { moment, momentOf } from './moment.ts'
import type { Operation } from './operation.ts'
import { copy, pageOf } from './page.ts'
import * as schemas from './schemas.ts'

const path = z.string().max(200).describe('Path of the stream: live/studio.')
const count = z.number().int().min(0)

const recording = z.object({
  path: z.string(),
  name: z.string().describe('2026-11-25T03-41-00Z.mp4'),
  file: z.string().describe('Path in the library, where it plays in every protocol.'),
  startedAt: z.iso.datetime(),
  bytes: count,
  durationMs: count.optional().describe('Absent while it grows.'),
})

const state = z.object({
  path: z.string(),
  state: z
    .enum(['recording', 'suspended', 'stopped'])
    .describe('suspended: the disk refuses; it goes on when there is room.'),
  since: z.iso.datetime(),
  file: z.string().optional().describe('The file that grows, or grew last.'),
  bytes: count.describe('Of that file.'),
  error: z.string().optional(),
})

export function addRecordingRoutes(scope: FastifyInstance, operation: Operation): void {
  const app = scope.withTypeProvider<ZodTypeProvider>()
  const problems = { 400: schemas.problem, 401: schemas.problem }
  const orMissing = { ...problems, 404: schemas.problem }
  const recorderOf = (): Promise<Recorder> => {
    const { recorder } = operation
    if (recorder === undefined) throw new UnavailableError('ERR_RECORDING_NOT_FOUND', 'nothing is recorded here')
    return recorder.load()
  }

  app.get(
    '/api/v1/recordings',
    {
      schema: {
        operationId: 'listRecordings',
        summary: 'Recordings on the disk, the newest first',
        tags: ['recordings'],
        querystring: schemas.paging.extend({ path: path.optional() }),
        response: { 200: schemas.pageOf(recording), ...problems },
      },
    },
    async ({ query }) => {
      const recorder = await recorderOf()
      const found = (await recorder.find(query.path)).toReversed()
      const { items, ...page } = pageOf(found, query, (one) => one)
      const described = await Promise.all(items.map((one) => recorder.describe(one)))
      return copy({ ...page, items: described.map(viewRecording) })
    },
  )

  app.get(
    '/api/v1/recordings/active',
    {
      schema: {
        operationId: 'listActiveRecordings',
        summary: 'Paths that are being recorded',
        tags: ['recordings'],
        querystring: schemas.paging,
        response: { 200: schemas.pageOf(state), ...problems },
      },
    },
    ({ query }) => copy(pageOf(operation.recorder?.current?.states() ?? [], query, viewState)),
  )

  for (const action of ['start', 'stop'] as const) {
    app.post(
      `/api/v1/recordings/${action}`,
      {
        schema: {
          operationId: `${action}Recording`,
          summary:
            action === 'start'
              ? 'Records a path, now and whenever it is published, until it is stopped or the server ends'
              : 'Records a path no more, whatever the settings say, until the server ends',
          tags: ['recordings'],
          body: z.strictObject({ path }),
          response: { 204: z.undefined().describe('Done.'), ...problems },
        },
      },
      async ({ body }, reply) => {
        const recorder = await recorderOf()
        recorder[action](body.path)
        return reply.code(204).send(undefined)
      },
    )
  }

  app.get(
    '/api/v1/recordings/export',
    {
      schema: {
        operationId: 'exportRecording',
        summary: 'A range of the wall clock as one MP4 file, cut on a key picture without encoding',
        tags: ['recordings'],
        querystring: z.strictObject({ path, from: moment, to: moment }),
        response: {
          200: { description: 'The file.', content: { 'video/mp4': { schema: z.string() } } },
          ...orMissing,
        },
      },
    },
    async ({ query }, reply) => {
      const range = { from: momentOf(query.from), to: momentOf(query.to) }
      if (range.from >= range.to) throw new PeerError('ERR_API_INVALID', 'expected a moment `from` that is before `to`')
      const cut = await cutRecordings((await recorderOf()).root, query.path, range)
      const name = `${query.path.split('/').at(-1) ?? 'recording'}-${new Date(cut.startedAt).toISOString().slice(0, 19).replaceAll(':', '-')}Z.mp4`
      reply.header('Content-Length', cut.byteLength)
      reply.header('Content-Disposition', `attachment; filename="${name}"`)
      return reply.type('video/mp4').send(Readable.from(cut.pieces(), { objectMode: false }) as never)
    },
  )

  app.delete(
    '/api/v1/recordings',
    {
      schema: {
        operationId: 'deleteRecording',
        summary: 'Takes a recording away; who plays it plays on',
        tags: ['recordings'],
        querystring: z.strictObject({ path, name: z.string().max(64) }),
        response: { 204: z.undefined().describe('It is gone.'), ...orMissing },
      },
    },
    async ({ query }, reply) => {
      await (await recorderOf()).remove(query.path, query.name)
      return reply.code(204).send(undefined)
    },
  )
}

function viewRecording({ path: of, name, file, startedAt, bytes, durationMs }: Recording) {
  return {
    path: of,
    name,
    file,
    startedAt: startedAt.toISOString(),
    bytes,
    ...(durationMs === undefined ? {} : { durationMs }),
  }
}

function viewState({ path: of, state: now, since, file, bytes, error }: RecordingState) {
  return {
    path: of,
    state: now,
    since: since.toISOString(),
    ...(file === undefined ? {} : { file }),
    bytes,
    ...(error === undefined ? {} : { error }),
  }
}
