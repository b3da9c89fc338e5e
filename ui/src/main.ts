// The entry of the page.

import { Page } from "./page";
import { Status } from "./status";
import { installTransport } from "./transport";

const { selvedgeEarly: early } = window;
if (!early) throw new Error("The document lacks the script that comes before this one.");
// It knows the secret of the session, which is nobody else's business.
delete window.selvedgeEarly;
early.begun();
installTransport(early.hostTransport, early.takeSocket);
const status = new Status();
// The program around the page has something to tell, such as where it has saved a file.
window.addEventListener("selvedge-notice", (event) => {
  if (event instanceof CustomEvent) status.notice(String(event.detail));
});
new Page(early, status).start();
