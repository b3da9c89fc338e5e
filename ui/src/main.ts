// The entry of the page.

import { Page } from "./page";
import { Status } from "./status";
import { installTransport } from "./transport";

const { selvedgeEarly: early } = window;
if (!early) throw new Error("The document lacks the script that comes before this one.");
// It knows the secret of the session, which is nobody else's business.
delete window.selvedgeEarly;
installTransport(early.hostTransport, early.takeSocket);
new Page(early, new Status()).start();
