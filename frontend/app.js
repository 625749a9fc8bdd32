// Comfort only: every page does its work without this file.
import { initAll as initGovuk } from "./govuk-frontend.min.js";
import { Alert, ButtonMenu, FilterToggleButton, SortableTable } from "./moj-frontend.min.js";
import { createAll } from "./govuk-frontend.min.js";
import "./drafts.js";

initGovuk();
for (const part of [Alert, ButtonMenu, SortableTable]) createAll(part);

// On a narrow screen the filters become a drawer; the class that hides them is set only when the button exists.
const filter = document.querySelector('[data-module="moj-filter"]');
if (filter) {
  new FilterToggleButton(filter, {
    bigModeMediaQuery: "(min-width: 48.0625em)",
    startHidden: false,
    toggleButton: { showText: "Show filters", hideText: "Hide filters", classes: "govuk-button--secondary" },
    toggleButtonContainer: { selector: ".moj-action-bar__filter" },
    closeButton: { text: "Close filters", classes: "moj-filter__close" },
    closeButtonContainer: { selector: ".moj-filter__header-action" },
  });
  document.body.classList.add("js-enabled");
}

// Back must not show a page from before signing out.
window.addEventListener("pageshow", (event) => {
  if (event.persisted && document.body.dataset.signedIn === "true") window.location.reload();
});

// Pages are not kept by the browser, so its Back would show an empty form: it sends the answers back instead.
const back = document.querySelector("[data-back-submits]");
if (back) {
  window.history.pushState(null, "", window.location.href);
  window.addEventListener("popstate", () => back.click());
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// A part of a page that moves by itself, such as the progress of an import: fetched again until it has ended.
for (const part of document.querySelectorAll("[data-live]")) {
  const follow = async () => {
    const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
    part.replaceChildren(fresh);
    if (fresh.dataset.liveEnded === "true") window.location.reload();
    else window.setTimeout(follow, 1500);
  };
  window.setTimeout(follow, 1500);
}

// A number, address or code word takes the place of its button, so that a form beside it keeps what was typed.
// Where that fails the button does what it does without this file.
for (const place of document.querySelectorAll("[data-show]")) {
  const button = place.matches("button") ? place : place.querySelector("button");
  button.addEventListener("click", async (event) => {
    if (button.dataset.shownPlainly) return;
    event.preventDefault();
    const what = place.querySelector('[name="what"]')?.value ?? button.value;
    const token = button.form.elements.namedItem("csrf_token");
    const body = new URLSearchParams({ what, csrf_token: (token instanceof RadioNodeList ? token[0] : token).value });
    const answer = await fetch(place.dataset.show, {
      method: "POST", body, headers: { "X-Value-Alone": "yes" }, redirect: "error",
    }).catch(() => null);
    if (!answer?.ok) {
      button.dataset.shownPlainly = "true";
      button.click();
      return;
    }
    const value = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
    place.replaceWith(value);
    value.focus();
  });
}

// The rules of risk as the page has them, told while the form is filled in; the server applies the same rows.
const riskRules = document.querySelector("[data-risk-rules]");
if (riskRules) {
  const rules = JSON.parse(riskRules.dataset.riskRules);
  const told = riskRules.querySelector("[data-risk-told]");
  const levels = ["standard", "medium", "high"];
  const numberOf = (name) => {
    const typed = riskRules.querySelector(`[name="${name}"]`)?.value.trim() ?? "";
    const ticked = name === "dash_score" ? riskRules.querySelectorAll('[name="dash_ticked"]:checked').length : 0;
    return /^[0-9]+$/.test(typed) ? Number(typed) : ticked;
  };
  const holds = (rule) =>
    rule.value === null
      ? numberOf(rule.field) >= rule.atLeast
      : riskRules.querySelector(`[name="${rule.field}"][value="${rule.value}"]`)?.checked;
  const tell = () => {
    const met = rules.filter(holds);
    const least = Math.max(0, ...met.map((rule) => levels.indexOf(rule.risk)));
    const because = met.filter((rule) => levels.indexOf(rule.risk) === least).map((rule) => rule.because);
    told.hidden = because.length === 0;
    const chosen = levels.indexOf(riskRules.querySelector('[name="risk"]:checked')?.value ?? "high");
    const text = because.length
      ? `So far the risk is ${least === 2 ? "high" : "at least medium"}, because ${because.join(" and ")}.` +
        (chosen < least ? ` You chose ${levels[chosen]}, which is too low.` : "")
      : "";
    if (told.textContent !== text) told.textContent = text;
  };
  riskRules.addEventListener("input", tell);
  tell();
}
