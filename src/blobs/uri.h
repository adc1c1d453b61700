// Where a model lies in a store: s3://bucket/key, gs://bucket/name, az://container/name, https://host/path.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil::blobs {

enum class Scheme : uint8_t { kHttps, kHttp, kS3, kGcs, kAzure };

struct Uri {
  Scheme scheme = Scheme::kHttps;
  std::string place;   // bucket; of az:// the first segment (container or account); of http(s):// "https://host:port"
  std::string key;     // after it, without the slash; of http(s):// the target, "/path?query"
  std::string sha256;  // of "#sha256=...", lower case; empty: none
  std::string shown;   // for messages and the timeline: without query and digest, which may hold a signature
  std::string name;    // last segment of the path, which names the file or folder: "fraud.json"; "model" when there is none
};

// Whether `text` has one of the schemes that are fetched. Paths, oip:// and tfs:// have not.
bool IsRemote(std::string_view text);

// INVALID_ARGUMENT says what form is expected. http:// is taken on loopback, and anywhere with `plain_http`.
StatusOr<Uri> ParseUri(std::string_view text, bool plain_http);

// `text` for messages and the timeline.
std::string Shown(std::string_view text);

// Whether an object's name can become a path below the snapshot's folder: INVALID_ARGUMENT for one that is absolute, has a segment "", "."
// or "..", control characters or NUL, a hidden name of ours, or is too long.
Status CheckObjectName(std::string_view name);

bool IsLoopbackHost(std::string_view host);
// "host" of "https://host:port", without brackets.
std::string_view HostOf(std::string_view base_url);

// RFC 3986's unreserved characters stay, and '/' where `keep_slash`; the rest is %XX.
std::string PercentEncode(std::string_view text, bool keep_slash);

}  // namespace vigil::blobs
