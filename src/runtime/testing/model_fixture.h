// A model fixture of shared/fixtures/models: its rows as text cells, and what its maker's library answers for them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace vigil::testing {

struct ModelFixture {
  std::string name, folder;
  Json meta;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> cells;  // one a row
  std::vector<std::string> expected_columns;    // "prediction", "prediction_0", "margin", ...
  std::vector<std::vector<double>> expected;    // one a row

  // A cell as a number; NaN for an empty one.
  double number(size_t row, size_t column) const;
  // Of an expected column; nothing when there is none.
  std::optional<size_t> Expected(const std::string& column) const;
  // |got - want| may be this.
  double Tolerance(const std::string& column, double want) const;
};

// Nothing when the shared fixtures are absent.
std::optional<ModelFixture> ReadModelFixture(const std::string& name);

}  // namespace vigil::testing
