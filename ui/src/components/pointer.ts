// What follows a pointer that was pressed on a handle, also outside of it, until it is released.

export function followPointer(handle: HTMLElement, { pointerId }: PointerEvent, move: (event: PointerEvent) => void): void {
  handle.setPointerCapture(pointerId);
  const end = new AbortController();
  const { signal } = end;
  handle.addEventListener("pointermove", move, { signal });
  handle.addEventListener("lostpointercapture", () => end.abort(), { signal });
}
