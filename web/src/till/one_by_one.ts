/** Work handed to it is done one after the other; what one of them throws does not stop the next. */
export function one_by_one(): <T>(work: () => Promise<T>) => Promise<T> {
  let before: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = before.then(work);
    before = next.catch(() => undefined);
    return next;
  };
}
