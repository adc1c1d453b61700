#include "blobs/s3/sigv4.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "blobs/digests.h"
#include "blobs/uri.h"

namespace vigil::blobs::s3 {

std::string HostHeader(const std::string& base_url) {
  std::string host = base_url.substr(base_url.find("://") + 3);
  host.resize(std::min(host.find('/'), host.size()));
  const std::string_view port = base_url.starts_with("https://") ? ":443" : ":80";
  if (host.ends_with(port)) host.resize(host.size() - port.size());
  return host;
}

std::string DomainOf(const std::string& region) { return region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com"; }

std::string QueryText(const std::map<std::string, std::string>& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    absl::StrAppend(&text, text.empty() ? "" : "&", PercentEncode(name, false), "=", PercentEncode(value, false));
  }
  return text;
}

std::vector<std::string> Sign(const ToSign& request, const Keys& keys) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : request.extra) lines.push_back(absl::StrCat(name, ": ", value));
  if (keys.id.empty()) return lines;
  const auto seconds = static_cast<time_t>(request.now / kSecondUs);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text;
  const std::string time(text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc));
  const std::string date = time.substr(0, 8);

  std::vector<std::pair<std::string, std::string>> headers = request.extra;
  headers.emplace_back("host", request.host);
  headers.emplace_back("x-amz-date", time);
  if (request.content_header) headers.emplace_back("x-amz-content-sha256", request.body_sha256);
  if (!keys.token.empty()) headers.emplace_back("x-amz-security-token", keys.token);
  std::sort(headers.begin(), headers.end());
  std::string canonical, names;
  for (const auto& [name, value] : headers) {
    absl::StrAppend(&canonical, name, ":", value, "\n");
    absl::StrAppend(&names, names.empty() ? "" : ";", name);
  }
  const std::string hashed = Sha256Hex(absl::StrCat(request.method, "\n", request.path, "\n", QueryText(request.query), "\n", canonical,
                                                    "\n", names, "\n", request.body_sha256));
  const std::string scope = absl::StrCat(date, "/", request.region, "/", request.service, "/aws4_request");
  const std::string to_sign = absl::StrCat("AWS4-HMAC-SHA256\n", time, "\n", scope, "\n", hashed);
  std::string key = HmacSha256(absl::StrCat("AWS4", keys.secret), date);
  for (const std::string& part : {request.region, request.service, std::string("aws4_request")}) key = HmacSha256(key, part);

  lines.push_back(absl::StrCat("x-amz-date: ", time));
  if (request.content_header) lines.push_back(absl::StrCat("x-amz-content-sha256: ", request.body_sha256));
  if (!keys.token.empty()) lines.push_back(absl::StrCat("x-amz-security-token: ", keys.token));
  lines.push_back(absl::StrCat("Authorization: AWS4-HMAC-SHA256 Credential=", keys.id, "/", scope, ", SignedHeaders=", names,
                               ", Signature=", Hex(HmacSha256(key, to_sign))));
  return lines;
}

}  // namespace vigil::blobs::s3
