// Whatever the bytes: no memory error, views inside the buffer, bounded memory, and the same requests and verdict however the bytes are
// cut. The first two bytes seed the cuts.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "net/http1_parser.h"

namespace vigil::net {
namespace {

struct Outcome {
  std::string requests;
  bool refused = false;
};

void Require(bool condition) {
  if (!condition) std::abort();
}

void Describe(const HttpRequest& r, const std::vector<char>& buffer, std::string& out) {
  const auto add = [&](std::string_view v) {
    Require(v.empty() || (v.data() >= buffer.data() && v.data() + v.size() <= buffer.data() + buffer.size()) || v == "/");
    out.append(v).push_back('\x1f');
  };
  add(r.target);
  add(r.path);
  add(r.query);
  add(r.body);
  for (const Header& h : r.headers) {
    Require(!h.name.empty());
    for (const char c : h.value) Require(c != '\r' && c != '\n' && c != '\0');
    add(h.name);
    add(h.value);
  }
  out.append(MethodName(r.method));
  out.push_back(static_cast<char>('0' + r.minor_version));
  out.push_back(r.keep_alive ? 'k' : 'c');
}

Outcome Run(std::string_view bytes, Random* cuts) {
  HttpLimits limits;
  limits.body_bytes_max = 4096;
  Http1Parser parser(limits);
  Outcome outcome;
  std::vector<char> buffer;
  while (!bytes.empty()) {
    const size_t n = cuts == nullptr ? bytes.size() : 1 + cuts->Below(std::min<size_t>(bytes.size(), 40));
    buffer.insert(buffer.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    buffer.shrink_to_fit();  // so that a read past the end is seen
    bytes.remove_prefix(n);
    size_t start = 0;
    while (start < buffer.size()) {
      const auto result = parser.Parse(buffer.data() + start, buffer.size() - start);
      if (result == Http1Parser::Result::kError) {
        Require(parser.status() >= 400 && parser.status() <= 505 && !parser.reason().empty());
        outcome.refused = true;
        return outcome;
      }
      if (result == Http1Parser::Result::kNeedMore) {
        Require(parser.kept() <= buffer.size() - start);
        buffer.resize(start + parser.kept());
        break;
      }
      Require(parser.consumed() > 0 && parser.consumed() <= buffer.size() - start);
      Describe(parser.request(), buffer, outcome.requests);
      start += parser.consumed();
      parser.Reset();
    }
    buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(start < buffer.size() ? start : buffer.size()));
  }
  return outcome;
}

}  // namespace
}  // namespace vigil::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  vigil::Random random(static_cast<uint64_t>(data[0]) << 8 | data[1]);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const vigil::net::Outcome whole = vigil::net::Run(bytes, nullptr);
  const vigil::net::Outcome cut = vigil::net::Run(bytes, &random);
  if (whole.requests != cut.requests || whole.refused != cut.refused) std::abort();
  return 0;
}
