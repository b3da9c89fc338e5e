import { describe, expect, it } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

async function call(ref: string, method: string, args: unknown[] = []): Promise<unknown[]> {
  const server = new FakeServer({ trame__template_main: '<input ref="name" id="name" value="Ada">' });
  await openPage();
  Object.assign(find("#name"), {
    later: (value: number) => Promise.resolve(value + 1),
    fail: () => Promise.reject(new Error("no luck")),
    itself: () => window,
  });
  await server.socket.publish("selvedge.page.call", { id: 5, ref, method, args });
  await settle();
  return server.socket.last("selvedge.page.answer").args;
}

describe("a call of the application into a page", () => {
  it("is answered with the result, also of a promise", async () => {
    expect(await call("name", "getAttribute", ["value"])).toEqual([5, true, "Ada"]);
    expect(await call("name", "later", [2])).toEqual([5, true, 3]);
    expect(await call("name", "focus")).toEqual([5, true, null]);
  });

  it("is answered with the reason if there is no result", async () => {
    expect(await call("nam", "focus")).toEqual([5, false, 'The page has no element with the ref "nam".']);
    expect(await call("name", "focsu")).toEqual([5, false, 'The element with the ref "name" has no method "focsu".']);
    expect(await call("name", "fail")).toEqual([5, false, "no luck"]);
    expect((await call("name", "itself")).slice(0, 2)).toEqual([5, false]);
  });
});
