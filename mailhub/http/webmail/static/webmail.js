// What the webmail does beyond plain pages. Every page works without it, too.
"use strict";

// Times are written in UTC; whoever has scripts reads them in their own zone.
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) continue;
  const today = at.toDateString() === new Date().toDateString();
  time.title = at.toLocaleString(document.documentElement.lang);
  time.textContent = today
    ? at.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" })
    : at.toLocaleDateString(document.documentElement.lang);
}
