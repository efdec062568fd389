/** How many reports one address may send: floods end here, and nobody else's reports. */
import { addressGroup, plainAddress } from '../../../net/http/client-address.ts'
import { RateLimit } from '../../license/rate-limit.ts'

export class AddressLimit {
  readonly #limit = new RateLimit()
  readonly #perAddress: () => number

  /** `perAddress`: requests a minute; asked each time. */
  constructor(perAddress: () => number) {
    this.#perAddress = perAddress
  }

  /** Takes one. Seconds to wait when there is none left; 0: go ahead. */
  take(address: string): number {
    return this.#limit.take(addressGroup(plainAddress(address)), this.#perAddress())
  }
}
