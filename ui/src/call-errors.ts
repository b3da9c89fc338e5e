// Why a call of the server has no result.

/** An error answer of the server. */
export class CallError extends Error {
  constructor(
    message: string,
    readonly code: number,
    readonly data?: unknown,
  ) {
    super(message);
    this.name = "CallError";
  }
}

export class ConnectionLost extends Error {
  /** `sent`: the call was sent, and the application may have received it. */
  constructor(readonly sent = false) {
    super("The application cannot be reached at the moment.");
    this.name = "ConnectionLost";
  }
}

/** Returns the text for the user of any error value. */
export function messageOf(error: unknown): string {
  if (typeof error === "string") return error;
  if (typeof error === "object" && error !== null && "message" in error) return String(error.message);
  try {
    return error === undefined ? "undefined" : JSON.stringify(error);
  } catch {
    return String(error); // a circular structure
  }
}
