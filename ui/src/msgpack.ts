// Extends wslink's message encoder and decoder: 64-bit integers, text that was cut inside a
// character, and reports of messages that cannot be decoded.
//
// An integer beyond 2^53 is a BigInt, in both directions, because a number would be rounded. wslink
// creates encoders and decoders itself, so their classes are patched.

import { Decoder, Encoder } from "@msgpack/msgpack";

/** The parts of a decoder that are patched here. */
interface Decoding {
  pos: number;
  view: DataView;
  readU64: (this: Decoding) => number | bigint;
  readI64: (this: Decoding) => number | bigint;
  decode: (this: Decoding, message: Uint8Array) => unknown;
}

/** The parts of an encoder that are patched here. */
interface Encoding {
  pos: number;
  view: DataView;
  ensureBufferSizeToWrite: (bytes: number) => void;
  encodeObject: (this: Encoding, object: unknown, depth: number) => void;
  encodeString: (this: Encoding, text: string) => void;
}

const UNSIGNED_64 = 0xcf;
const SIGNED_64 = 0xd3;

let unreadable: (error: unknown) => void = () => undefined;

/**
 * Calls `listener` for messages that cannot be decoded. wslink drops them, even if they are
 * answers.
 */
export function onUnreadable(listener: (error: unknown) => void): void {
  unreadable = listener;
}

const decoding = Decoder.prototype as unknown as Decoding;
const { readU64, readI64, decode } = decoding;

decoding.readU64 = function () {
  const number = readU64.call(this);
  return Number.isSafeInteger(number) ? number : this.view.getBigUint64(this.pos - 8);
};

decoding.readI64 = function () {
  const number = readI64.call(this);
  return Number.isSafeInteger(number) ? number : this.view.getBigInt64(this.pos - 8);
};

decoding.decode = function (message) {
  try {
    return decode.call(this, message);
  } catch (error) {
    unreadable(error);
    throw error;
  }
};

const encoding = Encoder.prototype as unknown as Encoding;
const { encodeObject, encodeString } = encoding;

encoding.encodeObject = function (object, depth) {
  if (typeof object !== "bigint") {
    encodeObject.call(this, object, depth);
    return;
  }
  const isUnsigned = BigInt.asUintN(64, object) === object;
  if (!isUnsigned && BigInt.asIntN(64, object) !== object) {
    throw new RangeError(`${object} does not fit into 64 bits; send it as text`);
  }
  this.ensureBufferSizeToWrite(9);
  this.view.setUint8(this.pos, isUnsigned ? UNSIGNED_64 : SIGNED_64);
  // Signed and unsigned encodings of a positive number have the same bits.
  this.view.setBigInt64(this.pos + 1, object);
  this.pos += 9;
};

/** Matches a lone surrogate. */
const HALF = /\p{Surrogate}/gu;

// The encoder would send bytes that other decoders do not accept as text.
encoding.encodeString = function (text) {
  encodeString.call(this, text.isWellFormed?.() ? text : text.replace(HALF, "\uFFFD"));
};

declare global {
  interface String {
    isWellFormed?: () => boolean;
  }
  interface JSON {
    rawJSON?: (text: string) => unknown;
  }
  interface BigInt {
    toJSON?: () => unknown;
  }
}

// Vue shows objects as JSON. JSON has integers of any size, but `JSON.stringify` rejects a BigInt.
BigInt.prototype.toJSON ??= function (this: bigint) {
  return JSON.rawJSON ? JSON.rawJSON(String(this)) : String(this);
};
