#include <gtest/gtest.h>

#include <map>

#include "base/proto_wire.h"
#include "frontends/grpc/health.h"
#include "frontends/grpc/reflection.h"
#include "frontends/testing/fake_http.h"
#include "net/testing/http2_client.h"

namespace vigil {
namespace {

using net::testing::FakeHost;
using net::testing::Http2Client;

std::string Framed(const std::string& message) { return std::string("\0\0\0\0", 4) + static_cast<char>(message.size()) + message; }
std::string Text(uint32_t field, std::string_view text) {
  std::string bytes;
  ProtoWriter(&bytes).Bytes(field, text);
  return bytes;
}

struct FakeHealth final : HealthSource {
  std::optional<bool> Serving(std::string_view service) override {
    const auto found = state.find(std::string(service));
    return found == state.end() ? std::nullopt : std::optional<bool>(found->second);
  }
  std::vector<std::string> Names() override {
    std::vector<std::string> names;
    for (const auto& [name, serving] : state) names.push_back(name);
    return names;
  }
  std::map<std::string, bool> state{{"", true}, {"fraud", false}};
};

struct GrpcServices : ::testing::Test {
  GrpcServices() {
    health.AddTo(&methods);
    AddReflection(index, &methods);
  }
  net::testing::Http2Answer& Call(const std::string& path, const std::string& message, bool end = true) {
    id = client.Call(path, Framed(message), {}, end);
    client.Exchange();
    return client.answers[id];
  }

  const DescriptorIndex index = DescriptorIndex::Read(kGrpcDescriptorSet).value();
  testing::FakeLoop loop;
  FakeHealth source;
  HealthService health{source, loop};
  net::GrpcMethods methods;
  FakeHost host{nullptr, {}, FakeHost::Version::kGrpc, &methods};
  Http2Client client{host};
  int32_t id = 0;
};

TEST_F(GrpcServices, HealthIsChecked) {
  EXPECT_EQ(Call("/grpc.health.v1.Health/Check", "").body, Framed("\x08\x01"));
  EXPECT_EQ(Call("/grpc.health.v1.Health/Check", Text(1, "fraud")).body, Framed("\x08\x02"));
  EXPECT_EQ(Call("/grpc.health.v1.Health/Check", Text(1, "nothing")).header("grpc-status"), "5");
  EXPECT_EQ(Call("/grpc.health.v1.Health/Check", "\x0a\x7f").header("grpc-status"), "3");
}

TEST_F(GrpcServices, HealthIsListed) {
  const std::string body = Call("/grpc.health.v1.Health/List", "").body;
  std::map<std::string, std::string> listed;
  for (ProtoFields entries(std::string_view(body).substr(5)); entries.Next();) {
    std::string name, status;
    for (ProtoFields entry(entries.bytes()); entry.Next();) (entry.field() == 1 ? name : status) = entry.bytes();
    listed[name] = status;
  }
  EXPECT_EQ(listed, (std::map<std::string, std::string>{{"", "\x08\x01"}, {"fraud", "\x08\x02"}}));
}

TEST_F(GrpcServices, WhoWatchesHearsOfEachChangeAndOfTheEnd) {
  auto& fraud = Call("/grpc.health.v1.Health/Watch", Text(1, "fraud"));
  EXPECT_EQ(fraud.body, Framed("\x08\x02"));
  auto& later = Call("/grpc.health.v1.Health/Watch", Text(1, "later"));
  EXPECT_EQ(later.body, Framed("\x08\x03"));
  const int32_t given_up = id;
  nghttp2_submit_rst_stream(client.session(), 0, given_up, NGHTTP2_CANCEL);
  client.Exchange();
  source.state["fraud"] = true;
  health.Look();
  health.Look();
  client.Exchange();
  EXPECT_EQ(fraud.body, Framed("\x08\x02") + Framed("\x08\x01"));
  health.Stop();
  client.Exchange();
  EXPECT_EQ(fraud.body, Framed("\x08\x02") + Framed("\x08\x01") + Framed("\x08\x02"));
  EXPECT_EQ(fraud.header("grpc-status"), "14");
  EXPECT_EQ(Call("/grpc.health.v1.Health/Check", "").body, Framed("\x08\x02"));
}

TEST_F(GrpcServices, ReflectionListsServicesAndGivesTheirFiles) {
  for (const std::string version : {"v1", "v1alpha"}) {
    const std::string method = "/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo";
    const std::string services = Call(method, Text(7, "*")).body;
    for (const char* name : {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}) {
      EXPECT_NE(services.find(name), std::string::npos) << name;
    }
    for (const char* symbol :
         {"grpc.health.v1.Health", "grpc.health.v1.Health.Check", "grpc.health.v1.HealthCheckResponse.ServingStatus"}) {
      EXPECT_NE(Call(method, Text(4, symbol)).body.find("HealthListResponse"), std::string::npos) << symbol;
    }
    EXPECT_NE(Call(method, Text(3, "grpc/health/v1/health.proto")).body.find("HealthListResponse"), std::string::npos);
    const auto& missing = Call(method, Text(4, "no.Such"));
    EXPECT_NE(missing.body.find("no symbol"), std::string::npos);
    EXPECT_EQ(missing.header("grpc-status"), "0");
    EXPECT_EQ(Call(method, "\x0a\x7f").header("grpc-status"), "3");
  }
}

TEST(Descriptors, WhatIsNoSetIsRefused) {
  EXPECT_FALSE(DescriptorIndex::Read("\x0a\x7f").ok());
  EXPECT_FALSE(DescriptorIndex::Read("\x0a\x02\x0a\x7f").ok());
}

}  // namespace
}  // namespace vigil
