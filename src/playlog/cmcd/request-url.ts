/** The address of a request with a CMCD record in its query (CTA-5004-B section 4). Apart from the readers: browsers load it with the player. */

const ARGUMENT = 'CMCD'

/** `url`: absolute or not. A record that is there already is replaced: players ask again for the address that they got an answer from. */
export function urlWithCmcd(url: string, record: string): string {
  const hash = url.indexOf('#')
  const address = hash < 0 ? url : url.slice(0, hash)
  const mark = address.indexOf('?')
  const path = mark < 0 ? address : address.slice(0, mark)
  const query = mark < 0 ? [] : address.slice(mark + 1).split('&')
  const kept = query.filter((pair) => pair !== '' && pair !== ARGUMENT && !pair.startsWith(`${ARGUMENT}=`))
  const pairs = [...kept, `${ARGUMENT}=${encodeURIComponent(record)}`]
  return `${path}?${pairs.join('&')}${hash < 0 ? '' : url.slice(hash)}`
}
