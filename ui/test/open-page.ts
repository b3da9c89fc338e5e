// A page in a fresh document. It finds the fake server that is there.

import { vi } from "vitest";
import type { Config } from "../src/options";
import { Page } from "../src/page";
import { Status } from "../src/status";
import { installTransport } from "../src/transport";
import { settle } from "./fake-server";

const pages: Page[] = [];

export async function openPage(
  config: Partial<Config> = {},
  template = "main",
  takeSocket: (url: string) => WebSocket | null = () => null,
): Promise<void> {
  document.body.innerHTML = '<div id="app"></div><div id="shell"></div>';
  vi.stubGlobal("reportError", (error: unknown) => console.error(error));
  installTransport(false, takeSocket);
  const address = { config: { application: "trame", sessionURL: "ws://test/ws", ...config }, template, session: null };
  const page = new Page(address, new Status());
  pages.push(page);
  page.start();
  for (let round = 0; round < 4; round += 1) await settle();
}

/** Ends the pages that were opened, as each test does in the end. */
export function disposePages(): void {
  for (const page of pages.splice(0)) page.dispose();
}

export function find(selector: string): HTMLElement {
  const element = document.querySelector<HTMLElement>(selector);
  if (!element) throw new Error(`${selector} is not in ${document.body.innerHTML}`);
  return element;
}

export function field(selector: string): HTMLInputElement {
  return find(selector) as HTMLInputElement;
}

/** Types into a field as a user does: the text is complete after each key. */
export function type(selector: string, text: string): void {
  field(selector).value = text;
  field(selector).dispatchEvent(new Event("input"));
}
