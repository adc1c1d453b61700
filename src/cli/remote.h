// The control plane of a running server, asked over its own API.
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/json.h"
#include "base/status.h"
#include "net/client.h"

namespace vigil::cli {

// Flag --url > VIGIL_URL > http://127.0.0.1:8080.
void AddUrlOption(CLI::App* verb, std::string* url);

class Remote {
 public:
  explicit Remote(const std::string& url);
  // The answer's JSON. A problem document becomes an error with its code and detail; UNAVAILABLE says which server did not answer.
  StatusOr<Json> Get(const std::string& target) { return Send("GET", target, ""); }
  StatusOr<Json> Send(const std::string& method, const std::string& target, const std::string& body,
                      const std::string& content_type = "application/json");
  const std::string& url() const { return url_; }

 private:
  std::string url_;
  std::unique_ptr<net::HttpClient> client_;
};

// Percent-encodes one path segment or query value.
std::string UrlEncode(const std::string& text);

}  // namespace vigil::cli
