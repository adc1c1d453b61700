// An HTTP/2 client without a socket, which nghttp2 drives, against a FakeHost: polite calls, and frames by hand.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "net/testing/fake_host.h"

namespace vigil::net::testing {

struct Http2Answer {
  std::map<std::string, std::string> headers;  // and trailers, which come later
  std::string body;
  bool ended = false;   // by END_STREAM
  bool closed = false;  // by whatever
  uint32_t error = 0;   // of closed
  std::string header(const std::string& name) const { return headers.count(name) > 0 ? headers.at(name) : ""; }
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

class Http2Client {
 public:
  explicit Http2Client(FakeHost& host, const std::vector<nghttp2_settings_entry>& settings = {}) : host_(host) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, [](nghttp2_session*, const nghttp2_frame* f, const uint8_t* n, size_t nn,
                                                                   const uint8_t* v, size_t vn, uint8_t, void* u) {
      auto& self = *static_cast<Http2Client*>(u);
      self.answers[f->hd.stream_id].headers[std::string(reinterpret_cast<const char*>(n), nn)] =
          std::string(reinterpret_cast<const char*>(v), vn);
      return 0;
    });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* d, size_t n, void* u) {
          static_cast<Http2Client*>(u)->answers[id].body.append(reinterpret_cast<const char*>(d), n);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, [](nghttp2_session*, const nghttp2_frame* f, void* u) {
      auto& self = *static_cast<Http2Client*>(u);
      if (f->hd.type == NGHTTP2_GOAWAY) self.goaways.push_back(f->goaway.error_code);
      if (f->hd.type == NGHTTP2_PING && (f->hd.flags & NGHTTP2_FLAG_ACK) == 0) ++self.pings;
      if (f->hd.stream_id != 0 && (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && f->hd.type <= NGHTTP2_HEADERS)
        self.answers[f->hd.stream_id].ended = true;
      return 0;
    });
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, [](nghttp2_session*, int32_t id, uint32_t error, void* u) {
      auto& answer = static_cast<Http2Client*>(u)->answers[id];
      answer.closed = true;
      answer.error = error;
      return 0;
    });
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, 0, settings.data(), settings.size());
    Exchange();
  }
  ~Http2Client() { nghttp2_session_del(session_); }
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  nghttp2_session* session() { return session_; }

  // Sends a request; its answer comes to `answers` with Exchange. `end`: the body is whole.
  int32_t Request(const std::string& method, const std::string& path, std::string body = "", const HeaderList& headers = {},
                  bool end = true) {
    HeaderList all = {{":method", method}, {":scheme", "http"}, {":path", path}, {":authority", "here"}};
    all.insert(all.end(), headers.begin(), headers.end());
    std::vector<nghttp2_nv> nv;
    for (auto& [name, value] : all) {
      nv.push_back({reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()), name.size(), value.size(), 0});
    }
    const bool data = !body.empty() || !end;
    nghttp2_data_provider provider{};
    provider.source.ptr = this;
    provider.read_callback = [](nghttp2_session*, int32_t id, uint8_t* to, size_t room, uint32_t* flags, nghttp2_data_source* source,
                                void*) -> ssize_t {
      Body& b = static_cast<Http2Client*>(source->ptr)->bodies_[id];
      const size_t n = std::min(room, b.left.size());
      std::memcpy(to, b.left.data(), n);
      b.left.erase(0, n);
      if (b.left.empty() && b.end) *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (n == 0 && !b.end) return NGHTTP2_ERR_DEFERRED;
      return static_cast<ssize_t>(n);
    };
    const int32_t id = nghttp2_submit_request(session_, nullptr, nv.data(), nv.size(), data ? &provider : nullptr, nullptr);
    bodies_[id] = {std::move(body), end};
    return id;
  }
  void More(int32_t id, const std::string& bytes, bool end) {
    bodies_[id].left += bytes;
    bodies_[id].end = end;
    nghttp2_session_resume_data(session_, id);
  }
  int32_t Call(const std::string& path, std::string body, HeaderList headers = {}, bool end = true) {
    headers.insert(headers.begin(), {{"content-type", "application/grpc"}, {"te", "trailers"}});
    return Request("POST", path, std::move(body), headers, end);
  }

  // Bytes to and fro until nobody has more to say.
  void Exchange() {
    for (;;) {
      std::string out;
      const uint8_t* bytes = nullptr;
      ssize_t n;
      while ((n = nghttp2_session_mem_send(session_, &bytes)) > 0) out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
      if (!out.empty()) host_.Receive(out);
      const std::string in = host_.TakeSent();
      if (!in.empty()) nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(in.data()), in.size());
      if (out.empty() && in.empty()) return;
    }
  }
  // A frame as given, past what nghttp2 would allow.
  void Raw(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) { host_.Receive(Frame(type, flags, stream, payload)); }
  static std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
    const auto byte = [](size_t v) { return static_cast<char>(v & 255); };
    std::string frame = {byte(payload.size() >> 16), byte(payload.size() >> 8), byte(payload.size()), byte(type),  byte(flags),
                         byte(stream >> 24),         byte(stream >> 16),        byte(stream >> 8),    byte(stream)};
    return frame + payload;
  }

  std::map<int32_t, Http2Answer> answers;
  std::vector<uint32_t> goaways;
  int pings = 0;

 private:
  struct Body {
    std::string left;
    bool end = true;
  };
  FakeHost& host_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Body> bodies_;
};

}  // namespace vigil::net::testing
