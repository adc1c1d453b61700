// What services that give credentials answer, and credentials that end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/text.h"
#include "blobs/gcs/federation.h"
#include "blobs/oauth.h"
#include "blobs/renewed.h"
#include "blobs/s3/answers.h"
#include "blobs/s3/sigv4.h"

namespace vigil::blobs {
namespace {

using ::testing::HasSubstr;

constexpr TimeUs kNow = 1'700'000'000 * kSecondUs;

TEST(Tokens, EndAsTheServiceSays) {
  EXPECT_EQ(ReadToken(R"({"access_token": "t", "expires_in": 3599})", "s", kNow)->expires, kNow + 3599 * kSecondUs);
  EXPECT_EQ(ReadToken(R"({"access_token": "t", "expires_in": "60", "expires_on": "1"})", "s", kNow)->expires, kNow + 60 * kSecondUs);
  // An App Service tells only when.
  EXPECT_EQ(ReadToken(R"({"access_token": "t", "expires_on": "1700000100"})", "s", kNow)->expires, kNow + 100 * kSecondUs);
  EXPECT_EQ(ReadToken(R"({"access_token": "t"})", "s", kNow)->expires, 0);
  for (const char* bad : {R"({"access_token": "t", "expires_in": -1})", R"({"access_token": "t", "expires_in": 1e300})",
                          R"({"access_token": "t", "expires_on": "soon"})", R"({"access_token": "t", "expires_in": null})", "[]x"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadToken(bad, "s", kNow).status())) << bad;
  }
  EXPECT_TRUE(absl::IsUnauthenticated(ReadToken(R"({"access_token": ""})", "s", kNow).status()));
  EXPECT_TRUE(absl::IsUnauthenticated(ReadToken("[1]", "s", kNow).status()));
  EXPECT_EQ(gcs::ReadImpersonation(R"({"accessToken": "t", "expireTime": "2026-01-01T00:00:00Z"})", "s")->expires,
            *ParseTime("2026-01-01T00:00:00Z"));
  EXPECT_FALSE(gcs::ReadImpersonation(R"({"accessToken": "t"})", "s").ok());
}

TEST(Tokens, OfASubjectAreTextOrAFieldOfJson) {
  EXPECT_EQ(*gcs::ReadSubjectToken(" eyJ\n", {}), "eyJ");
  EXPECT_EQ(*gcs::ReadSubjectToken(R"({"id": "eyJ"})", {{"type", "json"}, {"subject_token_field_name", "id"}}), "eyJ");
  EXPECT_FALSE(gcs::ReadSubjectToken(R"({"id": 1})", {{"type", "json"}, {"subject_token_field_name", "id"}}).ok());
  EXPECT_FALSE(gcs::ReadSubjectToken(" \n", {}).ok());
  EXPECT_FALSE(gcs::ReadSubjectToken("t", {{"type", "xml"}}).ok());
}

TEST(Tokens, GoOverHttpsOrStayHere) {
  EXPECT_TRUE(CheckSecretUrl("https://h/token", "x").ok());
  EXPECT_TRUE(CheckSecretUrl("http://127.0.0.1:1/token", "x").ok());
  for (const char* bad : {"http://h/token", "http://127.0.0.1.example.org/", "", "file:///x"}) EXPECT_FALSE(CheckSecretUrl(bad, "x").ok());
}

TEST(AwsAnswers, HoldKeysOrSayWhyNot) {
  const auto keys =
      s3::ReadKeysJson(R"({"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T", "Expiration": "2026-01-01T00:00:00Z"})", "s");
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->value.token, "T");
  EXPECT_EQ(keys->expires, *ParseTime("2026-01-01T00:00:00Z"));
  const auto refused = s3::ReadKeysJson(R"({"Code": "AssumeRoleUnauthorizedAccess", "Message": "no\nsuch trust"})", "s");
  EXPECT_TRUE(absl::IsUnauthenticated(refused.status()));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("AssumeRoleUnauthorizedAccess: no such trust"));
  EXPECT_FALSE(s3::ReadKeysJson(R"({"AccessKeyId": "A", "SecretAccessKey": "S", "Expiration": "soon"})", "s").ok());
  EXPECT_FALSE(s3::ReadKeysXml("<R><Credentials><AccessKeyId>A</AccessKeyId></Credentials></R>", "s").ok());
}

TEST(AwsHosts, AreAsTheyAreSent) {
  EXPECT_EQ(s3::HostHeader("https://sts.eu-west-3.amazonaws.com:443/"), "sts.eu-west-3.amazonaws.com");
  EXPECT_EQ(s3::HostHeader("http://127.0.0.1:9000/path"), "127.0.0.1:9000");
  EXPECT_EQ(s3::HostHeader("http://h:443"), "h:443");
  EXPECT_EQ(s3::DomainOf("cn-north-1"), "amazonaws.com.cn");
}

TEST(RenewedTest, OutagesWithinALifeAreNotSeen) {
  FakeClock clock(kNow);
  StatusOr<Found<std::string>> answer = Found<std::string>{"first", "service", kNow + 100 * kSecondUs};
  int asked = 0;
  Renewed<std::string> renewed(clock, [&] { return ++asked, answer; });
  EXPECT_EQ(**renewed.Get(), "first");
  EXPECT_EQ(**renewed.Get(), "first");
  EXPECT_EQ(asked, 1);
  clock.Set(kNow + 90 * kSecondUs);  // a fifth of its life before its end
  answer = absl::UnavailableError("away");
  EXPECT_EQ(**renewed.Get(), "first");
  answer = Found<std::string>{"", "none found"};
  answer->none = true;
  EXPECT_EQ(**renewed.Get(), "first") << "a service that does not answer for a moment is no machine without one";
  EXPECT_EQ(renewed.Source(), "service");
  answer = Found<std::string>{"second", "service", kNow + 1000 * kSecondUs};
  EXPECT_EQ(**renewed.Get(), "second");
  clock.Set(kNow + 1000 * kSecondUs);
  answer = absl::UnavailableError("away");
  EXPECT_FALSE(renewed.Get().ok()) << "what has ended is not used";
}

}  // namespace
}  // namespace vigil::blobs
