// Keeps a long form while it is typed: a short pause after typing, and at the latest a few seconds into it.
// Without this file the form is kept by its buttons. Nothing is stored in the browser.
const PAUSE_MS = 1500;
const AT_LATEST_MS = 5000;
const AGAIN_MS = 10000;

const form = document.querySelector("form[data-draft]");
if (form) {
  const status = form.querySelector("[data-draft-status]");
  let timer = null;
  let changedAt = null; // since when something is not kept
  let isRunning = false;
  let isOver = false; // sent, or another account signed in: nothing more is kept from this page

  // Announced only when it says something new: not every few seconds.
  const say = (text, link) => {
    if (status.textContent.trim() === text && !link) return;
    status.textContent = text;
    if (link) {
      const anchor = document.createElement("a");
      Object.assign(anchor, { href: link, textContent: "Sign in and go on", className: "govuk-link" });
      status.append(" ", anchor);
    }
  };

  const read = async (answer) => {
    const isJson = (answer.headers.get("Content-Type") ?? "").includes("json");
    return isJson ? await answer.json() : {};
  };

  const keep = async (keepalive = false) => {
    window.clearTimeout(timer);
    timer = null;
    if (isRunning || isOver || changedAt === null) return;
    isRunning = true;
    changedAt = null;
    try {
      const answer = await fetch(form.getAttribute("action") || window.location.href, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { "X-Draft": "keep", Accept: "application/json" },
        redirect: "error",
        keepalive,
      });
      const told = await read(answer);
      if (told.draft_id) {
        form.elements.draft_id.value = told.draft_id;
        form.elements.draft_revision.value = told.draft_revision;
      }
      if (told.message) say(told.message, told.sign_in);
      else if (answer.status === 400) {
        // Its token is of another sign-in, perhaps of another person: this page keeps nothing any more.
        isOver = true;
        say("Not kept: you have signed in again since this page was opened. Copy what you need, then open the page again.");
      } else if (!answer.ok) throw new Error(String(answer.status));
    } catch {
      changedAt = Date.now();
      if (!isOver) {
        say("Not kept yet. Trying again.");
        timer = window.setTimeout(keep, AGAIN_MS);
      }
    }
    isRunning = false;
    if (changedAt !== null && !isOver) timer ??= window.setTimeout(keep, PAUSE_MS);
  };

  const note = () => {
    if (isOver) return;
    changedAt ??= Date.now();
    window.clearTimeout(timer);
    timer = window.setTimeout(keep, Math.max(0, Math.min(PAUSE_MS, changedAt + AT_LATEST_MS - Date.now())));
  };
  form.addEventListener("input", note);
  form.addEventListener("change", note);
  // The send itself keeps what was typed. It is counted after a writing that is on its way, which may arrive later.
  form.addEventListener("submit", () => {
    if (isRunning) form.elements.draft_revision.value = Number(form.elements.draft_revision.value) + 1;
    isOver = true;
    window.clearTimeout(timer);
  });
  // The page is left or covered: the last seconds too.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") keep(true);
  });
}
