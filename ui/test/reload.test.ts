import { beforeEach, expect, it, vi } from "vitest";
import { reloadAssets } from "../src/reload";

beforeEach(() => {
  document.head.innerHTML = `<link rel="stylesheet" href="__charts/a.css"><link rel="stylesheet" href="__charts/b.css">`;
});

const styles = () => [...document.querySelectorAll<HTMLLinkElement>("link[rel=stylesheet]")].map((link) => link.href);

const fresh = () => document.querySelectorAll("link").item(1);

it("swaps a changed style and leaves the others and the page alone", () => {
  const loadAgain = vi.fn();
  const before = styles();
  reloadAssets(["__charts/a.css"], loadAgain);
  expect(styles()).toHaveLength(3);
  fresh().dispatchEvent(new Event("load"));
  const after = styles();
  expect(after).toHaveLength(2);
  expect(after[0]).toMatch(/__charts\/a\.css\?reload=\d+$/);
  expect(after[1]).toBe(before[1]);
  reloadAssets(["__charts/a.css"], loadAgain);
  fresh().dispatchEvent(new Event("load"));
  expect(styles()[0]).not.toBe(after[0]);
  expect(loadAgain).not.toHaveBeenCalled();
});

it("loads the page again for anything else", () => {
  const loadAgain = vi.fn();
  reloadAssets(["__charts/a.js", "__charts/a.css"], loadAgain);
  expect(loadAgain).toHaveBeenCalledTimes(1);
  reloadAssets("rubbish", loadAgain);
  expect(loadAgain).toHaveBeenCalledTimes(1);
});
