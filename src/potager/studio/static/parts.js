// What several scripts are made of. Import it as "./parts.js", without a version: what is named otherwise is another module.

/** The headers with which a script of ours changes something. */
export function signed() {
  return { "X-Form-Token": document.body.dataset.formToken };
}

/** A new element with its properties and what is in it. */
export function made(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}
