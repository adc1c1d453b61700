#include "frontends/rest/request.h"

#include <algorithm>
#include <charconv>

#include "frontends/errors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = LowerAscii(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Lower-case hexadecimal only, as the trace context demands. False when it is none, or all zero.
bool ReadHex(std::string_view text, uint8_t* out) {
  bool any = false;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]), low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0 || text[i] != LowerAscii(text[i]) || text[i + 1] != LowerAscii(text[i + 1])) return false;
    out[i / 2] = static_cast<uint8_t>(high * 16 + low);
    any = any || out[i / 2] != 0;
  }
  return any;
}

}  // namespace

std::string PercentDecode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i] == '+' && plus_is_blank ? ' ' : text[i]);
  }
  return out;
}

std::optional<std::string> QueryValue(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    std::string_view value = TakeUntil(query, '&');
    const std::string_view key = TakeUntil(value, '=');
    if (key == name || (key.find('%') != std::string_view::npos && PercentDecode(key, true) == name)) return PercentDecode(value, true);
  }
  return std::nullopt;
}

bool MediaType::Is(std::string_view name) const { return EqualsIgnoreCase(type, name); }

MediaType ParseMediaType(std::string_view header) {
  MediaType media;
  media.type = StripBlanks(TakeUntil(header, ';'));
  while (!header.empty()) {
    std::string_view value = TakeUntil(header, ';');
    const std::string_view name = StripBlanks(TakeUntil(value, '='));
    value = StripBlanks(value);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (EqualsIgnoreCase(name, "charset")) media.charset = value;
    if (EqualsIgnoreCase(name, "format")) media.format = value;
    if (EqualsIgnoreCase(name, "header")) media.header = value;
    if (EqualsIgnoreCase(name, "json-header-size")) media.json_header_size = value;
  }
  return media;
}

Status CheckCharset(const MediaType& media) {
  for (const std::string_view known : {"", "utf-8", "utf8", "us-ascii", "ascii"}) {
    if (EqualsIgnoreCase(media.charset, known)) return absl::OkStatus();
  }
  return Failure(ErrorCode::kUnsupportedMediaType, Concat("charset \"", media.charset, "\" is not served: send UTF-8"), "Content-Type");
}

double AcceptQuality(std::string_view accept, std::string_view type) {
  if (StripBlanks(accept).empty()) return 1;
  const std::string_view family = type.substr(0, type.find('/') + 1);
  double best = 0;
  int best_precision = -1;
  while (!accept.empty()) {
    std::string_view item = TakeUntil(accept, ',');
    const std::string_view range = StripBlanks(TakeUntil(item, ';'));
    int precision = -1;
    if (EqualsIgnoreCase(range, type)) {
      precision = 2;
    } else if (range.size() == family.size() + 1 && range.back() == '*' && EqualsIgnoreCase(range.substr(0, family.size()), family)) {
      precision = 1;
    } else if (range == "*/*") {
      precision = 0;
    }
    if (precision < 0) continue;
    double quality = 1;
    while (!item.empty()) {
      std::string_view value = TakeUntil(item, ';');
      if (!EqualsIgnoreCase(StripBlanks(TakeUntil(value, '=')), "q")) continue;
      value = StripBlanks(value);
      if (std::from_chars(value.data(), value.data() + value.size(), quality).ec != std::errc()) quality = 1;
      quality = std::clamp(quality, 0.0, 1.0);
    }
    if (precision > best_precision || (precision == best_precision && quality > best)) {
      best = quality;
      best_precision = precision;
    }
  }
  return best;
}

bool AcceptNames(std::string_view accept, std::string_view type) {
  while (!accept.empty()) {
    std::string_view item = TakeUntil(accept, ',');
    if (EqualsIgnoreCase(StripBlanks(TakeUntil(item, ';')), type)) return true;
  }
  return false;
}

TraceContext ParseTraceparent(std::string_view header) {
  TraceContext trace;
  // version "-" trace-id "-" parent-id "-" flags; later versions may append more.
  constexpr size_t kLength = 55;
  uint8_t flags[1];
  if (header.size() < kLength || header[2] != '-' || header[35] != '-' || header[52] != '-' || header.substr(0, 2) == "ff") return trace;
  if (header.substr(0, 2) == "00" && header.size() != kLength) return trace;
  TraceContext read;
  if (HexDigit(header[0]) < 0 || HexDigit(header[1]) < 0 || HexDigit(header[53]) < 0 || HexDigit(header[54]) < 0) return trace;
  if (!ReadHex(header.substr(3, 32), read.trace_id) || !ReadHex(header.substr(36, 16), read.span_id)) return trace;
  read.sampled = ReadHex(header.substr(53, 2), flags) && (flags[0] & 1) != 0;
  return read;
}

bool IsSaneRequestId(std::string_view id) {
  return !id.empty() && id.size() <= kRequestIdBytesMax && std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace vigil
