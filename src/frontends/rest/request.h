// Reading a request's outer parts: query, media types, percent encoding, trace context, ids.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "domain/request_context.h"

namespace vigil {

// Percent-decoding; `plus_is_blank` for query strings. Bytes that are no valid escape stay as they are.
std::string PercentDecode(std::string_view text, bool plus_is_blank = false);

// The first value of `name` in a query string, decoded.
std::optional<std::string> QueryValue(std::string_view query, std::string_view name);

// `application/json; charset=utf-8; format=pandas-split`, lower-cased.
struct MediaType {
  std::string_view type;              // views into the header
  std::string_view charset;           // empty: none
  std::string_view format;            // MLflow's old parameter
  std::string_view header;            // of CSV: present, absent
  std::string_view json_header_size;  // of SageMaker's binary tensors
  bool Is(std::string_view name) const;
  // Our own API's reading: nothing said, or what curl's -d says when nobody told it otherwise. A form was never one of our bodies.
  bool IsJson() const { return type.empty() || Is("application/json") || Is("application/x-www-form-urlencoded"); }
};
MediaType ParseMediaType(std::string_view header);
// Unsupported character sets are a Failure of kUnsupportedMediaType: everything here is UTF-8.
Status CheckCharset(const MediaType& media);

// How much a client wants `type` by its Accept header: 0 (not) to 1. An empty header wants everything.
double AcceptQuality(std::string_view accept, std::string_view type);

// Whether an Accept header lists `type` itself, not only a range that holds it.
bool AcceptNames(std::string_view accept, std::string_view type);

// W3C trace context; all zero when the header is absent or not valid.
TraceContext ParseTraceparent(std::string_view header);

inline constexpr size_t kRequestIdBytesMax = 128;
// A given id that is safe to echo: 1 to kRequestIdBytesMax visible ASCII characters.
bool IsSaneRequestId(std::string_view id);

}  // namespace vigil
