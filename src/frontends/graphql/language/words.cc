#include "frontends/graphql/language/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/text.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr size_t kInspectItemsMax = 10;
constexpr int kInspectDepthMax = 2;
constexpr size_t kSuggestionsMax = 5;
constexpr size_t kGuessedNameBytesMax = 256;  // a longer name is no misspelling: distance costs the product of both lengths

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void InspectInto(const Json& value, int depth, std::string* out) {
  if (value.is_string()) return AppendJsonString(out, value.get_ref<const std::string&>());
  if (value.is_number_float()) return out->append(NumberWord(value.get<double>())), void();
  if (!value.is_structured()) return out->append(DumpJson(value)), void();
  if (value.empty()) return out->append(value.is_array() ? "[]" : "{}"), void();
  if (depth > kInspectDepthMax) return out->append(value.is_array() ? "[Array]" : "[Object]"), void();
  out->append(value.is_array() ? "[" : "{ ");
  size_t shown = 0;
  for (const auto& item : value.items()) {
    if (shown != 0) out->append(", ");
    if (value.is_array() && shown == kInspectItemsMax) {
      const size_t rest = value.size() - shown;
      Append(out, "... ", rest, rest == 1 ? " more item" : " more items");
      break;
    }
    if (value.is_object()) Append(out, item.key(), ": ");
    InspectInto(item.value(), depth + 1, out);
    ++shown;
  }
  out->append(value.is_array() ? "]" : " }");
}

// Edits between two names (a swap of neighbours is one; another case of all is one); nothing beyond `most`.
std::optional<size_t> Distance(std::string_view name, std::string_view option, size_t most) {
  if (name == option) return 0;
  std::string a(option);
  std::string b(name);
  for (std::string* text : {&a, &b}) std::transform(text->begin(), text->end(), text->begin(), LowerAscii);
  if (a == b) return 1;
  if (a.size() < b.size()) std::swap(a, b);
  if (a.size() - b.size() > most) return std::nullopt;
  std::array<std::vector<size_t>, 3> rows;
  for (auto& row : rows) row.assign(b.size() + 1, 0);
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    const std::vector<size_t>& up = rows[(i - 1) % 3];
    std::vector<size_t>& row = rows[i % 3];
    size_t least = row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t cell = std::min({up[j] + 1, row[j - 1] + 1, up[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) cell = std::min(cell, rows[(i - 2) % 3][j - 2] + 1);
      least = std::min(least, cell);
      row[j] = cell;
    }
    if (least > most) return std::nullopt;
  }
  const size_t distance = rows[a.size() % 3][b.size()];
  return distance <= most ? std::optional<size_t>(distance) : std::nullopt;
}

}  // namespace

std::string NumberWord(double value) {
  if (value == 0) return "0";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value), std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));  // d.ddde+xx
  const size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits.append(text.substr(2, e - 2));
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // where the decimal point stands among the digits
  std::string out = value < 0 ? "-" : "";
  if (point > 0 && point <= 21) {
    if (count <= point) return out.append(digits).append(static_cast<size_t>(point - count), '0');
    return out.append(digits, 0, static_cast<size_t>(point)).append(".").append(digits, static_cast<size_t>(point));
  }
  if (point > -6 && point <= 0) return out.append("0.").append(static_cast<size_t>(-point), '0').append(digits);
  out.append(digits, 0, 1);
  if (count > 1) out.append(".").append(digits, 1);
  return Concat(out, exponent < 0 ? "e-" : "e+", std::abs(exponent));
}

std::string Inspect(const Json& value) {
  std::string out;
  InspectInto(value, 0, &out);
  return out;
}

std::vector<std::string_view> Suggestions(std::string_view name, const std::vector<std::string_view>& known) {
  std::vector<std::pair<size_t, std::string_view>> near;
  if (name.size() <= kGuessedNameBytesMax) {
    const size_t most = name.size() * 2 / 5 + 1;
    for (const std::string_view option : known) {
      if (const auto distance = Distance(name, option, most)) near.emplace_back(*distance, option);
    }
  }
  std::sort(near.begin(), near.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first < b.first : NaturalLess(a.second, b.second); });
  std::vector<std::string_view> names;
  names.reserve(near.size());
  for (const auto& [distance, option] : near) names.push_back(option);
  return names;
}

std::string DidYouMeanOneOf(const std::vector<std::string_view>& names, std::string_view what) {
  if (names.empty()) return "";
  std::string out = Concat(" Did you mean ", what, what.empty() ? "" : " ");
  const size_t shown = std::min(names.size(), kSuggestionsMax);
  for (size_t i = 0; i < shown; ++i) {
    if (i != 0) out.append(shown == 2 ? " or " : i + 1 == shown ? ", or " : ", ");
    Append(&out, "\"", names[i], "\"");
  }
  return out.append("?");
}

bool NaturalLess(std::string_view a, std::string_view b) {
  size_t i = 0;
  size_t j = 0;
  const auto number = [](std::string_view text, size_t* at) {
    double value = 0;
    do {
      value = value * 10 + (text[(*at)++] - '0');
    } while (*at < text.size() && IsDigit(text[*at]) && value > 0);
    return value;
  };
  while (i < a.size() && j < b.size()) {
    if (IsDigit(a[i]) && IsDigit(b[j])) {
      const double left = number(a, &i);
      const double right = number(b, &j);
      if (left != right) return left < right;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() < b.size();
}

}  // namespace vigil::graphql
