#include "net/http1_parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace vigil::net {
namespace {

struct Parsed {
  Method method;
  std::string target, path, query, body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool keep_alive;
  int minor_version;
  friend bool operator==(const Parsed&, const Parsed&) = default;
};

struct Outcome {
  std::vector<Parsed> requests;
  int status = 0;
  std::string reason;
  bool incomplete = false;
};

Parsed Copy(const HttpRequest& r) {
  Parsed p{r.method, std::string(r.target), std::string(r.path), std::string(r.query), std::string(r.body),
           {},       r.keep_alive,          r.minor_version};
  for (const Header& h : r.headers) p.headers.emplace_back(h.name, h.value);
  return p;
}

// Feeds `bytes` in pieces that end at `cuts`, moving the buffer between calls as a connection may.
Outcome ParseAll(const std::string& bytes, const std::vector<size_t>& cuts = {}, const HttpLimits& limits = {}) {
  Http1Parser parser(limits);
  Outcome outcome;
  std::vector<char> buffer;
  size_t at = 0;
  std::vector<size_t> ends = cuts;
  ends.push_back(bytes.size());
  for (const size_t end : ends) {
    std::vector<char> moved(buffer);
    moved.insert(moved.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(end));
    buffer.swap(moved);
    std::fill(moved.begin(), moved.end(), '#');
    at = end;
    size_t start = 0;
    while (start < buffer.size()) {
      const auto result = parser.Parse(buffer.data() + start, buffer.size() - start);
      if (result == Http1Parser::Result::kError) {
        outcome.status = parser.status();
        outcome.reason = parser.reason();
        return outcome;
      }
      if (result == Http1Parser::Result::kNeedMore) {
        buffer.resize(start + parser.kept());
        break;
      }
      outcome.requests.push_back(Copy(parser.request()));
      start += parser.consumed();
      parser.Reset();
    }
    buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(std::min(start, buffer.size())));
  }
  outcome.incomplete = !parser.idle();
  return outcome;
}

const std::string kTwo =
    "POST /v2/models/fraud/infer?x=1&y=%20 HTTP/1.1\r\nHost: example.com:8080\r\nContent-Type: application/json\r\nX-Empty:\r\n"
    "X-Spaces: \t a b \t\r\nContent-Length: 11\r\n\r\nhello world"
    "GET /ping HTTP/1.1\r\nhOsT: x\r\n\r\n";
const std::string kChunked =
    "PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
    "5;ext=1;q=\"a b\"\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n"
    "DELETE /d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

TEST(Http1Parser, ReadsARequestWhole) {
  const Outcome o = ParseAll(kTwo);
  ASSERT_EQ(o.status, 0) << o.reason;
  ASSERT_EQ(o.requests.size(), 2u);
  const Parsed& p = o.requests[0];
  EXPECT_EQ(p.method, Method::kPost);
  EXPECT_EQ(p.target, "/v2/models/fraud/infer?x=1&y=%20");
  EXPECT_EQ(p.path, "/v2/models/fraud/infer");
  EXPECT_EQ(p.query, "x=1&y=%20");
  EXPECT_EQ(p.body, "hello world");
  EXPECT_TRUE(p.keep_alive);
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"Host", "example.com:8080"}, {"Content-Type", "application/json"}, {"X-Empty", ""}, {"X-Spaces", "a b"}, {"Content-Length", "11"}};
  EXPECT_EQ(p.headers, headers);
  EXPECT_EQ(o.requests[1].path, "/ping");
  EXPECT_EQ(o.requests[1].method, Method::kGet);
}

TEST(Http1Parser, CopiesNothingOfAWholeRequest) {
  HttpLimits limits;
  Http1Parser parser(limits);
  std::string bytes = kTwo;
  ASSERT_EQ(parser.Parse(bytes.data(), bytes.size()), Http1Parser::Result::kRequest);
  const HttpRequest& r = parser.request();
  const auto inside = [&](std::string_view v) { return v.data() >= bytes.data() && v.data() + v.size() <= bytes.data() + bytes.size(); };
  EXPECT_TRUE(inside(r.target));
  EXPECT_TRUE(inside(r.body));
  for (const Header& h : r.headers) EXPECT_TRUE(inside(h.name) && (h.value.empty() || inside(h.value)));
}

TEST(Http1Parser, HeaderLookupIgnoresCaseAndTakesTheFirst) {
  HttpLimits limits;
  Http1Parser parser(limits);
  std::string bytes = "GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\na: 2\r\n\r\n";
  ASSERT_EQ(parser.Parse(bytes.data(), bytes.size()), Http1Parser::Result::kRequest);
  EXPECT_EQ(parser.request().header("a"), "1");
  EXPECT_EQ(parser.request().header("HOST"), "x");
  EXPECT_EQ(parser.request().header("absent"), "");
}

TEST(Http1Parser, EverySplitGivesTheSame) {
  for (const std::string& bytes : {kTwo, kChunked}) {
    const Outcome whole = ParseAll(bytes);
    ASSERT_EQ(whole.status, 0) << whole.reason;
    ASSERT_EQ(whole.requests.size(), 2u);
    for (size_t cut = 1; cut < bytes.size(); ++cut) {
      const Outcome o = ParseAll(bytes, {cut});
      EXPECT_EQ(o.status, 0) << cut << ": " << o.reason;
      EXPECT_EQ(o.requests, whole.requests) << cut;
    }
    std::vector<size_t> every(bytes.size() - 1);
    for (size_t i = 0; i < every.size(); ++i) every[i] = i + 1;
    EXPECT_EQ(ParseAll(bytes, every).requests, whole.requests);
  }
}

TEST(Http1Parser, DechunksInPlace) {
  const Outcome o = ParseAll(kChunked);
  ASSERT_EQ(o.requests.size(), 2u) << o.reason;
  EXPECT_EQ(o.requests[0].body, "hello 0123456789");
  for (const auto& h : o.requests[0].headers) EXPECT_NE(h.first, "X-Trailer") << "a trailer became a header";
  EXPECT_FALSE(o.requests[1].keep_alive);
}

TEST(Http1Parser, RandomChunksAtRandomCuts) {
  Random random(20240611);
  for (int round = 0; round < 400; ++round) {
    std::string body, bytes = "POST /r HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (uint64_t chunks = random.Below(12); chunks > 0; --chunks) {
      std::string chunk(1 + random.Below(40), '\0');
      for (char& c : chunk) c = static_cast<char>(random.Below(256));
      char size[16];
      std::snprintf(size, sizeof size, random.Below(2) ? "%zx" : "%04zX", chunk.size());
      bytes += std::string(size) + (random.Below(3) == 0 ? ";k=v" : "") + "\r\n" + chunk + "\r\n";
      body += chunk;
    }
    bytes += "0\r\n" + std::string(random.Below(2) ? "T: 1\r\n" : "") + "\r\nGET /after HTTP/1.1\r\nHost: x\r\n\r\n";
    std::vector<size_t> cuts;
    for (uint64_t n = random.Below(8); n > 0; --n) cuts.push_back(1 + random.Below(bytes.size() - 1));
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    const Outcome o = ParseAll(bytes, cuts);
    ASSERT_EQ(o.status, 0) << o.reason;
    ASSERT_EQ(o.requests.size(), 2u);
    ASSERT_EQ(o.requests[0].body, body);
    ASSERT_EQ(o.requests[1].path, "/after");
  }
}

TEST(Http1Parser, KeepAliveFollowsVersionAndHeader) {
  EXPECT_TRUE(ParseAll("GET / HTTP/1.1\r\nHost: x\r\n\r\n").requests.at(0).keep_alive);
  EXPECT_FALSE(ParseAll("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").requests.at(0).keep_alive);
  EXPECT_FALSE(ParseAll("GET / HTTP/1.0\r\n\r\n").requests.at(0).keep_alive);
  EXPECT_TRUE(ParseAll("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").requests.at(0).keep_alive);
}

TEST(Http1Parser, TakesEveryFormOfTarget) {
  EXPECT_EQ(ParseAll("GET http://x/v2?q=1 HTTP/1.1\r\nHost: x\r\n\r\n").requests.at(0).path, "/v2");
  EXPECT_EQ(ParseAll("GET http://x/v2?q=1 HTTP/1.1\r\nHost: x\r\n\r\n").requests.at(0).query, "q=1");
  EXPECT_EQ(ParseAll("GET http://x HTTP/1.1\r\nHost: x\r\n\r\n").requests.at(0).path, "/");
  EXPECT_EQ(ParseAll("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").requests.at(0).path, "*");
  EXPECT_EQ(ParseAll("GET /%61%2f HTTP/1.1\r\nHost: x\r\n\r\n").requests.at(0).path, "/%61%2f");
}

TEST(Http1Parser, UpgradeIsDeclinedByAnswering) {
  const Outcome o = ParseAll(
      "GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
      "GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_EQ(o.requests.size(), 2u) << o.reason;
  EXPECT_EQ(o.requests[1].path, "/b");
}

struct Bad {
  const char* name;
  std::string bytes;
  int status;
};

// Not one of these may become a request; each holds a second one that must not be seen either.
TEST(Http1Parser, RefusesWhatIsMalformed) {
  const std::string nul("GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 33);
  const std::vector<Bad> cases = {
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400},
      {"HTTP/0.9", "GET /v2\r\n\r\n", 400},
      {"version", "GET /v2 HTTP/9.9\r\nHost: x\r\n\r\n", 505},
      {"HTTP/2.0", "GET /v2 HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"lower-case protocol", "GET /v2 http/1.1\r\nHost: x\r\n\r\n", 400},
      {"no host", "GET /v2 HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET /v2 HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"host list", "GET /v2 HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"host with user", "GET /v2 HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {"space before colon", "GET /v2 HTTP/1.1\r\nHost : x\r\n\r\n", 400},
      {"no colon", "GET /v2 HTTP/1.1\r\nHost: x\r\nNonsense\r\n\r\n", 400},
      {"obs-fold", "GET /v2 HTTP/1.1\r\nHost: x\r\nA: 1\r\n 2\r\n\r\n", 400},
      {"obs-fold of the first", "GET /v2 HTTP/1.1\r\n Host: x\r\n\r\n", 400},
      {"NUL in a value", nul, 400},
      {"bare CR", "GET /v2 HTTP/1.1\r\nHost: x\r\nA: a\rb\r\n\r\n", 400},
      {"bare LF", "GET /v2 HTTP/1.1\r\nHost: x\nA: a\r\n\r\n", 400},
      {"bare LF after the request line", "GET /v2 HTTP/1.1\nHost: x\r\n\r\n", 400},
      {"bare LF at the end", "GET /v2 HTTP/1.1\r\nHost: x\r\n\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"control in target", "GET /v2\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"empty name", "GET /v2 HTTP/1.1\r\nHost: x\r\n: 1\r\n\r\n", 400},
      {"bad name", "GET /v2 HTTP/1.1\r\nHost: x\r\nA(b): 1\r\n\r\n", 400},
      {"space in target", "GET /v2 x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"RTSP", "DESCRIBE /v2 RTSP/1.0\r\nHost: x\r\n\r\n", 400},
      {"ICE", "SOURCE /v2 ICE/1.0\r\nHost: x\r\n\r\n", 400},
      {"unknown method", "FROBNICATE / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"CONNECT", "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", 501},
      {"expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\n\r\n", 417},
  };
  for (const Bad& bad : cases) {
    const Outcome o = ParseAll(bad.bytes);
    EXPECT_EQ(o.status, bad.status) << bad.name << ": " << o.reason;
    EXPECT_TRUE(o.requests.empty()) << bad.name;
    EXPECT_FALSE(o.reason.empty()) << bad.name;
  }
}

TEST(Http1Parser, RefusesAmbiguousFraming) {
  const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string chunks = "0\r\n\r\n" + hidden;
  const auto post = [](const std::string& lines, const std::string& body, const char* version = "1.1") {
    return std::string("POST / HTTP/") + version + "\r\nHost: x\r\n" + lines + "\r\n" + body;
  };
  const std::string cl = "Content-Length: " + std::to_string(chunks.size()) + "\r\n";
  const std::vector<Bad> cases = {
      {"CL.TE", post(cl + "Transfer-Encoding: chunked\r\n", chunks), 400},
      {"TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", chunks), 400},
      {"two CL", post("Content-Length: 0\r\nContent-Length: 35\r\n", hidden), 400},
      {"equal CL", post("Content-Length: 0\r\nContent-Length: 0\r\n", hidden), 400},
      {"CL list", post("Content-Length: 0, 35\r\n", hidden), 400},
      {"CL plus", post("Content-Length: +35\r\n", hidden), 400},
      {"CL minus", post("Content-Length: -1\r\n", hidden), 400},
      {"CL hex", post("Content-Length: 0x10\r\n", hidden), 400},
      {"CL space", post("Content-Length: 1 0\r\n", hidden), 400},
      {"CL empty", post("Content-Length:\r\n", hidden), 400},
      {"CL overflow", post("Content-Length: 99999999999999999999999\r\n", hidden), 413},
      {"TE xchunked", post("Transfer-Encoding: xchunked\r\n", chunks), 501},
      {"TE identity", post("Transfer-Encoding: identity\r\n", hidden), 501},
      {"TE gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", chunks), 501},
      {"TE chunked, identity", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunks), 400},
      {"TE twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunks), 400},
      {"TE empty", post("Transfer-Encoding:\r\n", chunks), 400},
      {"TE tab and CL", post("Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n", chunks), 400},
      {"TE space before colon", post("Transfer-Encoding : chunked\r\n" + cl, chunks), 400},
      {"TE vertical tab",
       post("Transfer-Encoding: \x0b"
            "chunked\r\n" +
                cl,
            chunks),
       400},
      {"TE quoted", post("Transfer-Encoding: \"chunked\"\r\n", chunks), 501},
      {"TE in 1.0", post("Transfer-Encoding: chunked\r\n", chunks, "1.0"), 400},
      {"chunk minus", post("Transfer-Encoding: chunked\r\n", "-1\r\n" + hidden), 400},
      {"chunk 0x", post("Transfer-Encoding: chunked\r\n", "0x0\r\n\r\n" + hidden), 400},
      {"chunk overflow", post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n" + hidden), 400},
      {"chunk beyond the limit", post("Transfer-Encoding: chunked\r\n", "ffffffffffff\r\n" + hidden), 413},
      {"chunk leading space", post("Transfer-Encoding: chunked\r\n", " 0\r\n\r\n" + hidden), 400},
      {"chunk trailing space", post("Transfer-Encoding: chunked\r\n", "0 \r\n\r\n" + hidden), 400},
      {"chunk empty size", post("Transfer-Encoding: chunked\r\n", "\r\n\r\n" + hidden), 400},
      {"chunk LF", post("Transfer-Encoding: chunked\r\n", "0\n\n" + hidden), 400},
      {"chunk CR in extension", post("Transfer-Encoding: chunked\r\n", "0;a\rb\r\n\r\n" + hidden), 400},
      {"chunk LF in extension", post("Transfer-Encoding: chunked\r\n", "0;a\n\r\n\r\n" + hidden), 400},
      {"chunk without CRLF", post("Transfer-Encoding: chunked\r\n", "1\r\nxx\r\n0\r\n\r\n" + hidden), 400},
      {"trailer fold", post("Transfer-Encoding: chunked\r\n", "0\r\nA: 1\r\n b\r\n\r\n" + hidden), 400},
  };
  for (const Bad& bad : cases) {
    const Outcome o = ParseAll(bad.bytes);
    EXPECT_EQ(o.status, bad.status) << bad.name << ": " << o.reason;
    EXPECT_TRUE(o.requests.empty()) << bad.name;
  }
}

TEST(Http1Parser, EveryLimitHasItsStatus) {
  HttpLimits limits;
  limits.uri_bytes_max = 100;
  limits.header_bytes_max = 300;
  limits.headers_max = 5;
  limits.body_bytes_max = 50;
  const std::string host = " HTTP/1.1\r\nHost: x\r\n";
  const auto status = [&](const std::string& bytes) {
    const int whole = ParseAll(bytes, {}, limits).status;
    std::vector<size_t> every;
    for (size_t i = 1; i < bytes.size(); ++i) every.push_back(i);
    EXPECT_EQ(ParseAll(bytes, every, limits).status, whole) << bytes.substr(0, 40);
    return whole;
  };
  EXPECT_EQ(status("GET /" + std::string(99, 'a') + host + "\r\n"), 0);
  EXPECT_EQ(status("GET /" + std::string(100, 'a') + host + "\r\n"), 414);
  EXPECT_EQ(status("GET /" + std::string(5000, 'a')), 414);
  EXPECT_EQ(status("GET /" + host + "A: " + std::string(200, 'a') + "\r\n\r\n"), 0);
  EXPECT_EQ(status("GET /" + host + "A: " + std::string(300, 'a') + "\r\n\r\n"), 431);
  EXPECT_EQ(status("GET /" + host + std::string(4000, 'a')), 431);
  EXPECT_EQ(status("GET /" + host + "A: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\n\r\n"), 0);
  EXPECT_EQ(status("GET /" + host + "A: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\n\r\n"), 431);
  EXPECT_EQ(status("POST /" + host + "Content-Length: 50\r\n\r\n" + std::string(50, 'b')), 0);
  EXPECT_EQ(status("POST /" + host + "Content-Length: 51\r\n\r\n"), 413);
  EXPECT_EQ(status("POST /" + host + "Transfer-Encoding: chunked\r\n\r\n32\r\n" + std::string(50, 'b') + "\r\n0\r\n\r\n"), 0);
  EXPECT_EQ(status("POST /" + host + "Transfer-Encoding: chunked\r\n\r\n31\r\n" + std::string(49, 'b') + "\r\n2\r\nbb\r\n0\r\n\r\n"), 413);
}

// Memory stays bounded however the bytes are cut: the kept part never grows beyond limits, whatever is sent.
TEST(Http1Parser, ChunkFramingCannotGrowMemory) {
  HttpLimits limits;
  limits.header_bytes_max = 1000;
  Http1Parser parser(limits);
  std::string buffer = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  ASSERT_EQ(parser.Parse(buffer.data(), buffer.size()), Http1Parser::Result::kNeedMore);
  buffer.resize(parser.kept());
  auto result = Http1Parser::Result::kNeedMore;
  size_t sent = 0;
  while (result == Http1Parser::Result::kNeedMore && sent < 100'000) {
    buffer += sent == 0 ? "1;" : "aaaaaaaaaa";
    sent += 10;
    result = parser.Parse(buffer.data(), buffer.size());
    if (result == Http1Parser::Result::kNeedMore) buffer.resize(parser.kept());
  }
  EXPECT_EQ(result, Http1Parser::Result::kError);
  EXPECT_EQ(parser.status(), 400);
  EXPECT_LT(sent, 2000u);
}

TEST(Http1Parser, ManyTinyChunksKeepOnlyTheirBody) {
  HttpLimits limits;
  Http1Parser parser(limits);
  std::string buffer = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  ASSERT_EQ(parser.Parse(buffer.data(), buffer.size()), Http1Parser::Result::kNeedMore);
  for (int i = 0; i < 2000; ++i) {
    buffer.resize(parser.kept());
    buffer += "1\r\n \r\n";
    ASSERT_EQ(parser.Parse(buffer.data(), buffer.size()), Http1Parser::Result::kNeedMore);
    ASSERT_LT(parser.kept(), 2200u);
  }
  EXPECT_EQ(parser.body_received(), 2000u);
}

}  // namespace
}  // namespace vigil::net
