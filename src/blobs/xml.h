// What stores answer in XML, read with Expat within limits: every element's text by its path.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil::blobs {

inline constexpr size_t kXmlDepthMax = 16;
inline constexpr size_t kXmlTextBytesMax = 64 << 10;  // of one element

struct XmlElement {
  std::string path;      // "ListBucketResult/Contents/Key", without namespaces
  std::string text;      // what is directly in it, entities resolved
  bool encoded = false;  // has the attribute Encoded="true" (Azure's percent-encoded names)
};

// Calls `visit` at the end of each element, so children come before their parent; an error ends it. INVALID_ARGUMENT names `what` and the
// line: not well formed, deeper or longer than the limits, a document type (which stores never send, and entities could hide in).
Status ReadXml(std::string_view xml, const std::string& what, const std::function<Status(const XmlElement&)>& visit);

}  // namespace vigil::blobs
