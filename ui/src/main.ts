// The entry of the page.

import { Page } from "./page";
import { Status } from "./status";
import { installTransport } from "./transport";

const { selvedgeEarly: early } = window;
if (!early) throw new Error("The document lacks the script that comes before this one.");
// The object knows the secret of the session, so the window does not keep it.
delete window.selvedgeEarly;
early.begun();
installTransport(early.hostTransport, early.takeSocket);
const status = new Status();
// The program around the page shows a message, such as where it has saved a file.
window.addEventListener("selvedge-notice", (event) => {
  if (event instanceof CustomEvent) status.notice(String(event.detail));
});
new Page(early, status).start();
