#include "frontends/graphql/language/block_string.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

bool IsIndent(char c) { return c == ' ' || c == '\t'; }
std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  const auto count = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  for (size_t i = 0; i <= count; ++i) lines.push_back(TakeUntil(text, '\n'));
  return lines;
}
size_t Indent(std::string_view line) {
  const auto first = std::find_if_not(line.begin(), line.end(), IsIndent);
  return static_cast<size_t>(first - line.begin());
}

}  // namespace

std::string DedentBlockString(std::string_view raw) {
  std::vector<std::string_view> lines = LinesOf(raw);
  size_t common = std::string_view::npos;
  size_t first = lines.size();
  size_t last = 0;  // one behind the last that is not blank
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t indent = Indent(lines[i]);
    if (indent == lines[i].size()) continue;
    first = std::min(first, i);
    last = i + 1;
    if (i != 0) common = std::min(common, indent);
  }
  if (first == lines.size()) return "";
  for (size_t i = 1; i < lines.size(); ++i) lines[i].remove_prefix(std::min(common, lines[i].size()));
  std::string out;
  for (size_t i = first; i < last; ++i) Append(&out, i == first ? "" : "\n", lines[i]);
  return out;
}

std::string PrintBlockString(std::string_view value) {
  std::string escaped;
  for (size_t i = 0; i < value.size();) {
    const bool quotes = value.substr(i, 3) == "\"\"\"";
    Append(&escaped, quotes ? "\\" : "", value.substr(i, quotes ? 3 : 1));
    i += quotes ? 3 : 1;
  }
  const std::vector<std::string_view> lines = LinesOf(escaped);
  const bool single = lines.size() == 1;
  const bool leading = !single && std::all_of(lines.begin() + 1, lines.end(), [](auto line) { return line.empty() || IsIndent(line[0]); });
  const bool triple = escaped.ends_with("\\\"\"\"");
  const bool trailing = (value.ends_with('"') && !triple) || value.ends_with('\\');
  const bool multiple = !single || value.size() > 70 || trailing || leading || triple;
  const bool no_leading = single && !value.empty() && IsIndent(value[0]);
  std::string out = "\"\"\"";
  if ((multiple && !no_leading) || leading) out.push_back('\n');
  out.append(escaped);
  if (multiple || trailing) out.push_back('\n');
  return out.append("\"\"\"");
}

std::string PrintString(std::string_view value) {
  static constexpr std::string_view kFrom = "\"\\\b\f\n\r\t";
  static constexpr std::string_view kTo = "\"\\bfnrt";
  std::string out = "\"";
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (const size_t found = kFrom.find(c); found != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(kTo[found]);
    } else if ((c >= 0 && c < 0x20) || c == 0x7F) {
      out.append(absl::StrFormat("\\u%04X", static_cast<int>(c)));
    } else if (c == '\xC2' && i + 1 < value.size() && static_cast<unsigned char>(value[i + 1]) < 0xA0) {  // U+0080 to U+009F
      out.append(absl::StrFormat("\\u%04X", static_cast<int>(static_cast<unsigned char>(value[++i]))));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

}  // namespace vigil::graphql
