/** One page of a long list, as every list of the API is given. */

/** One page; only its items are looked at closely, however many there are. */
export function pageOf<Item, View>(
  items: Iterable<Item>,
  { page, limit }: { readonly page: number; readonly limit: number },
  view: (item: Item) => View,
) {
  const first = (page - 1) * limit
  const views: View[] = []
  let total = 0
  for (const item of items) {
    if (total >= first && views.length < limit) views.push(view(item))
    total++
  }
  return { items: views, total, page, limit }
}

/** The views are read-only; the schemas' types are not. */
type Mutable<Value> = Value extends object ? { -readonly [Key in keyof Value]: Mutable<Value[Key]> } : Value

export function copy<Value>(value: Value): Mutable<Value> {
  return value as Mutable<Value>
}
