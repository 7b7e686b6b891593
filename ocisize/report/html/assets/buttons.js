// Buttons of every page: light or dark colors, and a copy of each block of code.

function isDark() {
  if (matchMedia("print").matches) return false;
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** An element with properties and children; text is only ever set as text. */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function addThemeButton() {
  const button = element("button", { type: "button", id: "theme" });
  const name = () => (button.textContent = isDark() ? "Light colors" : "Dark colors");
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    name();
    document.dispatchEvent(new Event("recolor"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();
  document.querySelector("header").prepend(button);
}

/** A button at each block of code that copies it; where the browser forbids that, it selects the code. */
function addCopyButtons() {
  for (const code of document.querySelectorAll("pre > code")) {
    const button = element("button", { type: "button", className: "copy", textContent: "Copy" });
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(code);
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Selected";
      }
    });
    code.parentElement.before(button);
  }
}

addThemeButton();
addCopyButtons();
