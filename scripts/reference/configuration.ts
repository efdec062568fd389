/** The page of all settings, from their schemas. */
import type { OptionDescription } from '../../src/index.ts'

/** One table of all options; the options of map entries follow in tables of their own. */
export function writeConfigurationPage(options: readonly OptionDescription[]): string {
  const maps = options.filter((option) => option.entries !== undefined)
  return `# Configuration

Every setting is a key of the YAML file (\`--config headend.yaml\`), a flag and a variable; flags win over variables, variables over the
file. Secrets have no flag, because other users of a machine see the arguments of a process.

${table(options)}
${maps.map((map) => `\n## Entries of \`${map.name}\`\n\n${map.description}\n\n${table(map.entries ?? [])}\n`).join('')}`
}

function table(options: readonly OptionDescription[]): string {
  const rows = options.map((option) => {
    const names = [option.flag, option.env].filter((name) => name !== undefined).map((name) => `\`${name}\``)
    return `| \`${option.name}\` | ${typeText(option)} | ${defaultText(option)} | ${names.join(' ')} | ${cell(option.description)} |`
  })
  return ['| key | type | default | flag and variable | meaning |', '|---|---|---|---|---|', ...rows].join('\n')
}

function typeText(option: OptionDescription): string {
  if (option.choices !== undefined) return option.choices.map((choice) => `\`${choice}\``).join(' ')
  const { minimum, maximum } = option
  if (minimum === undefined && maximum === undefined) return option.type
  return `${option.type}, ${minimum ?? ''} to ${maximum ?? ''}`.replace(/ to $/, ' and more')
}

function defaultText(option: OptionDescription): string {
  if (option.secret || option.default === undefined || option.entries !== undefined) return ''
  return `\`${cell(JSON.stringify(option.default))}\``
}

function cell(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')
}
