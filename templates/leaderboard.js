"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = document.getElementById("rows");
  const selects = ["first", "second"].map(function (id) { return document.getElementById(id); });
  if (data.models.length < 2) return;

  function cell(row, text, kind) {
    const found = row.insertCell();
    found.textContent = text;
    found.className = kind;
    return found;
  }

  function show() {
    const first = selects[0].value, second = selects[1].value;
    rows.textContent = "";
    data.benchmarks.forEach(function (one) {
      const pair = one.pairs[first + "-" + second];
      if (!pair) return;
      const row = rows.insertRow();
      cell(row, one.title, "name");
      cell(row, data.words[pair[2]], pair[2]);
      cell(row, pair[0], "n s").appendChild(document.createElement("small")).textContent = pair[1];
      cell(row, one.scores[first], "n");
      cell(row, one.scores[second], "n");
      cell(row, pair[3], "more note");
    });
    if (!rows.rows.length) {
      const row = rows.insertRow();
      cell(row, data.words.not_compared, "note");
      row.cells[0].colSpan = 6;
    }
  }

  selects.forEach(function (select, place) {
    data.models.forEach(function (model, number) {
      select.add(new Option(model.title, String(number), false, number === place));
    });
    select.addEventListener("change", show);
  });
  document.getElementById("choice").hidden = false;
  show();
})();
