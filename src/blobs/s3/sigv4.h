// AWS Signature Version 4. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"

namespace vigil::blobs::s3 {

struct Keys {
  std::string id, secret, token;  // token: of temporary ones, else empty; all empty: nothing is signed
};

struct ToSign {
  std::string method = "GET";
  std::string host;                                        // as the Host header will be
  std::string path = "/";                                  // percent-encoded
  std::map<std::string, std::string> query;                // as they are, not encoded
  std::vector<std::pair<std::string, std::string>> extra;  // further headers to sign, names in lower case, sorted
  std::string body_sha256;                                 // hexadecimal
  bool content_header = true;                              // also sends x-amz-content-sha256, as S3 wants
  std::string region, service;
  TimeUs now = 0;
};

// The Host header that goes with "https://host:port": without the port that the scheme has anyhow.
std::string HostHeader(const std::string& base_url);
// "amazonaws.com" of most regions.
std::string DomainOf(const std::string& region);

// "a=1&b=x%20y", sorted by name.
std::string QueryText(const std::map<std::string, std::string>& query);

// The header lines to send: date, content digest, token, Authorization; `extra` too.
std::vector<std::string> Sign(const ToSign& request, const Keys& keys);

}  // namespace vigil::blobs::s3
