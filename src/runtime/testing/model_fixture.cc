#include "runtime/testing/model_fixture.h"

#include <cmath>
#include <fstream>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/testing/paths.h"

namespace vigil::testing {
namespace {

std::vector<std::vector<std::string>> ReadLines(const std::string& path) {
  std::vector<std::vector<std::string>> lines;
  std::ifstream in(path, std::ios::binary);
  for (std::string line; std::getline(in, line);) lines.push_back(absl::StrSplit(line, ','));
  return lines;
}

double Number(const std::string& cell) {
  double value = std::numeric_limits<double>::quiet_NaN();
  return absl::SimpleAtod(cell, &value) ? value : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

double ModelFixture::number(size_t row, size_t column) const { return Number(cells[row][column]); }

std::optional<size_t> ModelFixture::Expected(const std::string& column) const {
  for (size_t c = 0; c < expected_columns.size(); ++c) {
    if (expected_columns[c] == column) return c;
  }
  return std::nullopt;
}

double ModelFixture::Tolerance(const std::string& column, double want) const {
  const Json& all = meta["tolerance"];
  const std::string family = column.substr(0, column.find('_'));
  const Json& one = all.contains(column)   ? all[column]
                    : all.contains(family) ? all[family]
                    : all.contains("*")    ? all["*"]
                                           : all["prediction"];
  return one["abs"].get<double>() + one["rel"].get<double>() * std::abs(want);
}

std::optional<ModelFixture> ReadModelFixture(const std::string& name) {
  const auto folder = SharedPath("fixtures/models/" + name);
  if (!folder.has_value()) return std::nullopt;
  ModelFixture fixture;
  fixture.name = name;
  fixture.folder = *folder;
  std::ifstream meta(*folder + "/meta.json", std::ios::binary);
  fixture.meta = Json::parse(meta);
  fixture.cells = ReadLines(*folder + "/inputs.csv");
  fixture.columns = fixture.cells.front();
  fixture.cells.erase(fixture.cells.begin());
  std::vector<std::vector<std::string>> expected = ReadLines(*folder + "/expected.csv");
  fixture.expected_columns = expected.front();
  for (size_t r = 1; r < expected.size(); ++r) {
    std::vector<double>& row = fixture.expected.emplace_back();
    for (const std::string& cell : expected[r]) row.push_back(Number(cell));
  }
  return fixture;
}

}  // namespace vigil::testing
