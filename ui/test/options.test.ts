import { beforeEach, describe, expect, it, vi } from "vitest";
import { keepSignInProof, launcherURL, readOptions } from "../src/options";

const read = (search: string) => {
  window.history.replaceState(null, "", `/app/index.html${search}#part`);
  return readOptions(window.location, window.history);
};

beforeEach(() => {
  document.documentElement.removeAttribute("data-launcher-retry");
  localStorage.clear();
});

describe("the address", () => {
  it("of a plain page has trame's defaults", () => {
    expect(read("")).toEqual({ config: { application: "trame", useUrl: true, launcherRetry: [], selvedgeBase: "/app/" }, template: "main" });
  });

  it("gives session and secret as they are written, and forgets them", () => {
    const { config } = read("?sessionURL=WS://USE_HOST/Ws&secret=12345&ui=small&keep=1&gone=2&remove=gone");
    expect(config).toMatchObject({ sessionURL: `ws://${window.location.host}/Ws`, secret: "12345", keep: "1", gone: "2" });
    expect(window.location.href).toMatch(/\/app\/index\.html\?ui=small&keep=1#part$/);
  });

  it("gives up the proof of a sign-in, which reloads and further windows find again", () => {
    window.history.replaceState(null, "", "/app/index.html?ui=small#signInProof=k12");
    const { config } = readOptions(window.location, window.history);
    expect(config.signInProof).toBe("k12");
    expect(window.location.href).toMatch(/\/app\/index\.html\?ui=small$/);
    keepSignInProof(config);
    expect(read("?signInProof=forged").config.signInProof).toBe("k12");
  });

  it("has no say about the proof, and does not get it sent elsewhere", () => {
    localStorage.clear();
    expect(read("?signInProof=forged").config).not.toHaveProperty("signInProof");
    localStorage.setItem("selvedge.signInProof /app/", "k12");
    expect(read("?sessionManagerURL=https://elsewhere.example/").config).not.toHaveProperty("signInProof");
    expect(read("?sessionManagerURL=/paraview/").config.signInProof).toBe("k12");
    localStorage.clear();
  });

  it("may name a launcher, but nonsense leaves the page with its own", () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const launcher = (address: string) => launcherURL(read(`?sessionManagerURL=${address}`).config).href;
    expect(launcher("https://elsewhere.example/")).toBe("https://elsewhere.example/");
    expect(launcher("http://")).toBe(new URL("paraview/", document.baseURI).href);
    expect(warned).toHaveBeenCalled();
  });

  it("chooses a template", () => {
    expect(read("?ui=small").template).toBe("small");
  });

  it("leaves times for the launcher to the document", () => {
    document.documentElement.dataset.launcherRetry = "[100, 200]";
    expect(read("").config.launcherRetry).toEqual([100, 200]);
  });
});
