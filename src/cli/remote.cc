#include "cli/remote.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace vigil::cli {

void AddUrlOption(CLI::App* verb, std::string* url) {
  const char* fallback = std::getenv("VIGIL_URL");
  *url = fallback != nullptr ? fallback : "http://127.0.0.1:8080";
  verb->add_option("--url", *url, "the running server (VIGIL_URL)");
}

Remote::Remote(const std::string& url) : url_(url), client_(net::HttpClient::Create(url)) {}

StatusOr<Json> Remote::Send(const std::string& method, const std::string& target, const std::string& body,
                            const std::string& content_type) {
  const auto answer = client_->Send(method, target, body.empty() ? "" : content_type, body);
  if (!answer.ok()) return absl::UnavailableError(absl::StrCat("no answer from ", url_, ": ", std::string(answer.status().message())));
  if (answer->status >= 200 && answer->status < 300) {
    if (answer->body.empty()) return Json::object();
    return ParseJson(answer->body, absl::StrCat(method, " ", target));
  }
  const StatusOr<Json> problem = ParseJson(answer->body, "answer");
  const std::string detail = problem.ok() && problem->contains("detail") ? problem->at("detail").get<std::string>() : answer->body;
  const std::string text = absl::StrCat(method, " ", target, ": HTTP ", answer->status, ": ", detail);
  switch (answer->status) {
    case 404: return absl::NotFoundError(text);
    case 409: return absl::AbortedError(text);
    case 400:
    case 422: return absl::InvalidArgumentError(text);
    case 503: return absl::UnavailableError(text);
    default: return absl::UnknownError(text);
  }
}

std::string UrlEncode(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out.push_back(c);
    } else {
      char escape[4];
      std::snprintf(escape, sizeof(escape), "%%%02X", static_cast<unsigned char>(c));
      out.append(escape);
    }
  }
  return out;
}

}  // namespace vigil::cli
