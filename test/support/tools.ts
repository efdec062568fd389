/** Programs that tests use as judges: where they are, and which Debian package brings them. */

import { spawnSync } from 'node:child_process'
import { accessSync, constants, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'

export interface Tool {
  /** Commands in order of preference. */
  readonly commands: readonly string[]
  /** Debian packages. */
  readonly packages: readonly string[]
  /** Where Debian keeps them when they are on nobody's path: a pattern of folders, of which the last by name and number is taken. */
  readonly folders?: string
  /** When a command alone is not enough: arguments with which it must exit 0. */
  readonly probe?: readonly string[]
}

/** Links against libmms and does nothing. */
const LIBMMS_PROBE = ['-x', 'c', '-o', '/dev/null', join(import.meta.dirname, 'libmms-probe.c'), '-lmms'] as const

export const tools = {
  ffmpeg: { commands: ['ffmpeg'], packages: ['ffmpeg'] },
  ffprobe: { commands: ['ffprobe'], packages: ['ffmpeg'] },
  chromium: { commands: ['chromium', 'chromium-browser', 'google-chrome'], packages: ['chromium'] },
  curl: { commands: ['curl'], packages: ['curl'] },
  rtmpdump: { commands: ['rtmpdump'], packages: ['rtmpdump'] },
  xmllint: { commands: ['xmllint'], packages: ['libxml2-utils'] },
  gstreamer: { commands: ['gst-launch-1.0'], packages: ['gstreamer1.0-tools', 'gstreamer1.0-plugins-base'] },
  gstreamerGood: gstreamerPlugins('flvdemux', 'gstreamer1.0-plugins-good'),
  gstreamerBad: gstreamerPlugins('h264parse', 'gstreamer1.0-plugins-bad'),
  gstreamerUgly: gstreamerPlugins('x264enc', 'gstreamer1.0-plugins-ugly'),
  gstreamerLibav: gstreamerPlugins('avdec_h264', 'gstreamer1.0-libav'),
  vlc: { commands: ['cvlc', 'vlc'], packages: ['vlc-bin', 'vlc-plugin-base'] },
  mpv: { commands: ['mpv'], packages: ['mpv'] },
  mplayer: { commands: ['mplayer'], packages: ['mplayer'] },
  mediainfo: { commands: ['mediainfo'], packages: ['mediainfo'] },
  postgres: { commands: ['initdb'], packages: ['postgresql'], folders: '/usr/lib/postgresql/*/bin' },
  // With libmms, which has no program of its own.
  compiler: { commands: ['cc', 'gcc'], packages: ['gcc', 'libc6-dev', 'libmms-dev'], probe: LIBMMS_PROBE },
} as const satisfies Record<string, Tool>

export type ToolName = keyof typeof tools

/** Absolute path of a tool's command, or `undefined` when it is not installed or lacks a part. */
export function findTool(name: ToolName): string | undefined {
  const tool: Tool = tools[name]
  for (const command of tool.commands) {
    const path = findCommand(command, tool.folders)
    if (path === undefined) continue
    if (tool.probe === undefined || spawnSync(path, tool.probe, { stdio: 'ignore' }).status === 0) return path
  }
  return undefined
}

/**
 * Path of a tool, or `undefined` after the test was marked as skipped with the reason: return then.
 * Throws instead of skipping when `CI=true`, so that a missing judge never passes unseen.
 */
export function requireTool(t: TestContext, name: ToolName): string | undefined {
  const path = findTool(name)
  if (path !== undefined) return path
  const reason = `${name} is not installed (Debian: ${tools[name].packages.join(' ')})`
  if (process.env['CI'] === 'true') throw new Error(reason)
  t.skip(reason)
  return undefined
}

function findCommand(command: string, pattern?: string): string | undefined {
  const byNumber = new Intl.Collator('en', { numeric: true }).compare
  const folders = pattern === undefined ? [] : globSync(pattern).sort(byNumber).reverse()
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...folders]) {
    const path = join(folder, command)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}

function gstreamerPlugins(element: string, debianPackage: string): Tool {
  return { commands: ['gst-inspect-1.0'], packages: [debianPackage], probe: ['--exists', element] }
}
