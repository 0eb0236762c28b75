/** Calls back in every turn of the event loop, after its sockets have been read, until it is disposed of. */
export function everyTurn(callback: () => void): Disposable {
  let next = setImmediate(function turn() {
    next = setImmediate(turn);
    callback();
  });
  return { [Symbol.dispose]: () => clearImmediate(next) };
}
