// Signatures against published vectors, addresses, digests, listings, retries and resumption against a server of this test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/testing/paths.h"
#include "base/text.h"
#include "blobs/azure/credentials.h"
#include "blobs/azure/store.h"
#include "blobs/caller.h"
#include "blobs/digests.h"
#include "blobs/gcs/store.h"
#include "blobs/https/store.h"
#include "blobs/s3/profile.h"
#include "blobs/s3/sigv4.h"
#include "blobs/s3/store.h"
#include "blobs/snapshots.h"
#include "blobs/uri.h"
#include "blobs/xml.h"
#include "net/server.h"
#include "net/testing/fake_host.h"
#include "storage/whole_file.h"

namespace vigil::blobs {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// "Examples: Signature calculations in AWS Signature Version 4", GET Object and GET Bucket (List Objects).
constexpr const char* kId = "AKIAIOSFODNN7EXAMPLE";
constexpr const char* kSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

s3::ToSign Example() {
  s3::ToSign request;
  request.host = "examplebucket.s3.amazonaws.com";
  request.body_sha256 = Sha256Hex("");
  request.region = "us-east-1";
  request.service = "s3";
  request.now = *ParseTime("2013-05-24T00:00:00Z");
  return request;
}

TEST(SigV4, MatchesTheDocumentedExamples) {
  s3::ToSign object = Example();
  object.path = "/test.txt";
  object.extra = {{"range", "bytes=0-9"}};
  EXPECT_THAT(s3::Sign(object, {kId, kSecret, ""}),
              Contains(HasSubstr("SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
                                 "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")));
  s3::ToSign list = Example();
  list.query = {{"max-keys", "2"}, {"prefix", "J"}};
  EXPECT_THAT(s3::Sign(list, {kId, kSecret, ""}),
              Contains(HasSubstr("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")));
  EXPECT_TRUE(s3::Sign(list, {}).empty()) << "anonymous";
}

TEST(Digests, MatchPublishedValues) {
  EXPECT_EQ(Crc32c(0, "123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(Crc32c(0, "1234"), "56789"), 0xE3069283u);
  RunningDigests digests;
  digests.Add("ab");
  digests.Add("c");
  const Digests found = digests.Take();
  EXPECT_EQ(Hex(found.md5), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(Hex(found.sha256), Sha256Hex("abc"));
  EXPECT_EQ(Hex(found.crc32), "352441c2");
  EXPECT_TRUE(CheckDigests("x", {.md5 = found.md5, .sha256 = "", .crc32c = "", .crc32 = found.crc32}, found).ok());
  const Status wrong = CheckDigests("x", {.md5 = "0123456789abcdef", .sha256 = "", .crc32c = "", .crc32 = ""}, found);
  EXPECT_TRUE(absl::IsDataLoss(wrong));
  EXPECT_THAT(std::string(wrong.message()), HasSubstr("has MD5 900150983cd24fb0d6963f7d28e17f72"));
  EXPECT_FALSE(FromBase64("not base64").has_value());
  // RFC 4231, test case 2.
  EXPECT_EQ(Hex(HmacSha256("Jefe", "what do ya want for nothing?")), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Addresses, AreReadWhole) {
  const auto s3 = ParseUri("s3://bucket/a/b.json", false);
  ASSERT_TRUE(s3.ok()) << s3.status();
  EXPECT_EQ(s3->place, "bucket");
  EXPECT_EQ(s3->key, "a/b.json");
  EXPECT_EQ(s3->name, "b.json");
  EXPECT_EQ(ParseUri("gs://bucket", false)->name, "bucket");
  EXPECT_EQ(ParseUri("s3://bucket/a/", false)->name, "a");
  EXPECT_EQ(ParseUri("s3://bucket/a/.hidden", false)->name, "model");
  const std::string digest(64, 'a');
  const auto web = ParseUri("https://host:1/m.onnx?sig=secret#sha256=" + digest, false);
  ASSERT_TRUE(web.ok()) << web.status();
  EXPECT_EQ(web->place, "https://host:1");
  EXPECT_EQ(web->key, "/m.onnx?sig=secret");
  EXPECT_EQ(web->sha256, digest);
  EXPECT_EQ(web->shown, "https://host:1/m.onnx") << "a signature is never shown";
  EXPECT_TRUE(ParseUri("http://127.0.0.1:9/m", false).ok());
  for (const char* bad : {"http://host/m", "http://127.0.0.1.example.org/m", "https://", "https://u:p@host/m", "https://h/m#x", "s3://",
                          "s3:///k", "s3://b c/k", "s3://b/k#sha256=12", "ftp://h/m", "https://h/a b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseUri(bad, false).status())) << bad;
  }
  EXPECT_THAT(std::string(ParseUri("https://u:hidden@host/m", false).status().message()), ::testing::Not(HasSubstr("hidden")));
  EXPECT_TRUE(ParseUri("http://host/m", true).ok());
}

TEST(Addresses, NamesThatLeadElsewhereAreRefused) {
  for (const std::string& bad :
       {std::string("../x"), std::string("a/../b"), std::string("/etc/passwd"), std::string("a//b"), std::string("a/."),
        std::string("a\0b", 3), std::string("a\nb"), std::string("a\\b"), std::string(""), std::string(300, 'x')}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckObjectName(bad))) << bad;
  }
  EXPECT_TRUE(CheckObjectName("3/model..json").ok());
  const auto below = BelowKey({{.name = "m/../../x", .bytes = 1}}, "m", "s3://b/m", {});
  EXPECT_TRUE(absl::IsInvalidArgument(below.status())) << below.status();
  const auto kept =
      BelowKey({{.name = "m/", .bytes = 0}, {.name = "m/2/a", .bytes = 1}, {.name = "m/1/a", .bytes = 1}, {.name = "m2/a", .bytes = 1}},
               "m", "", {});
  ASSERT_TRUE(kept.ok()) << kept.status();
  ASSERT_EQ(kept->size(), 2u);
  EXPECT_EQ((*kept)[0].name, "1/a");
  BlobOptions one;
  one.objects_max = 1;
  EXPECT_TRUE(absl::IsResourceExhausted(BelowKey({{.name = "m/1"}, {.name = "m/2"}}, "m", "", one).status()));
  one.snapshot_bytes_max = 10;
  EXPECT_TRUE(absl::IsResourceExhausted(BelowKey({{.name = "m", .bytes = 11}}, "m", "", one).status()));
}

TEST(Listings, AreReadWithinLimits) {
  Listing objects;
  const auto next = s3::ReadListing(
      "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>t&amp;</NextContinuationToken><Contents><Key>a&lt;b</Key><ETag>&quot;0cc175b9c0f1b6a831c399e269772661&quot;</"
      "ETag>"
      "<Size>1</Size><LastModified>x</LastModified></Contents></ListBucketResult>",
      &objects);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(*next, "t&");
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0].name, "a<b");
  EXPECT_EQ(objects[0].bytes, 1);
  EXPECT_FALSE(s3::ReadListing("<html></html>", &objects).ok());
  EXPECT_FALSE(s3::ReadListing("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>", &objects).ok());
  EXPECT_THAT(std::string(s3::ReadListing("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", &objects).status().message()),
              HasSubstr("document type"));
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += "<a>";
  EXPECT_THAT(std::string(ReadXml(deep, "x", [](const XmlElement&) { return absl::OkStatus(); }).message()), HasSubstr("elements deep"));

  objects.clear();
  const auto marker = azure::ReadListing(
      "<EnumerationResults><Blobs><Blob><Name Encoded=\"true\">a%01</Name><Properties><Etag>0x8</Etag><Content-Length>3</Content-Length>"
      "<Content-MD5>kAFQmDzST7DWlj99KOF/cg==</Content-MD5></Properties></Blob><Blob><Name>d</Name><Properties/><Metadata>"
      "<hdi_isfolder>true</hdi_isfolder></Metadata></Blob></Blobs><NextMarker/></EnumerationResults>",
      &objects);
  ASSERT_TRUE(marker.ok()) << marker.status();
  EXPECT_EQ(*marker, "");
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0].name, "a\x01");
  EXPECT_EQ(objects[0].tag, "\"0x8\"");
  EXPECT_EQ(Hex(objects[0].digests.md5), "900150983cd24fb0d6963f7d28e17f72");

  objects.clear();
  EXPECT_EQ(*gcs::ReadListing(R"({"items":[{"name":"a","size":"3","generation":"7","crc32c":"4waSgw=="}],"nextPageToken":"n"})", &objects),
            "n");
  EXPECT_EQ(objects[0].digests.crc32c, BigEndian(0xE3069283u));
  EXPECT_TRUE(
      absl::IsUnimplemented(gcs::ReadListing(R"({"items":[{"name":"a","size":"3","contentEncoding":"gzip"}]})", &objects).status()));
  EXPECT_FALSE(gcs::ReadListing(R"({"items":[{"name":"a"}]})", &objects).ok());
}

TEST(Credentials, ProfilesAndConnectionStringsAreRead) {
  const auto sections =
      s3::ParseProfiles("# c\n[default]\naws_access_key_id = A\ns3 =\n  nested = 1\n[profile x]\nregion=eu-west-1\n", "f");
  ASSERT_TRUE(sections.ok()) << sections.status();
  EXPECT_EQ(sections->at("default").at("aws_access_key_id"), "A");
  EXPECT_EQ(sections->at("profile x").at("region"), "eu-west-1");
  EXPECT_THAT(std::string(s3::ParseProfiles("[default]\nnonsense\n", "f").status().message()), HasSubstr("f:2"));
  const auto account =
      azure::ParseConnectionString("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net");
  ASSERT_TRUE(account.ok()) << account.status();
  EXPECT_EQ(account->endpoint, "https://a.blob.core.windows.net");
  EXPECT_EQ(account->fixed.secret, "key");
  EXPECT_EQ(azure::ParseConnectionString("UseDevelopmentStorage=true")->endpoint, "http://127.0.0.1:10000/devstoreaccount1");
  EXPECT_FALSE(azure::ParseConnectionString("AccountName=a;AccountKey=***").ok());
}

// A store behind a server of this test's own, which fails as it is told to.
class OneFile : public ::testing::Test {
 protected:
  void SetUp() override {
    net::ServerOptions options;
    options.port = 0;
    options.threads = 1;
    auto server = net::HttpServer::Start(options, [this](net::EventLoop&) {
      return std::make_unique<net::testing::FunctionHandler>([this](const net::HttpRequest& r, net::Exchange& e) { Answer(r, e); });
    });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = std::move(*server);
    options_.pause_first_ms = 1;
    options_.attempts_max = 3;
    uri_ = absl::StrCat("http://127.0.0.1:", server_->port(), "/m.json");
  }

  void Answer(const net::HttpRequest& r, net::Exchange& e) {
    ++asked_;
    if (failing_ > 0) {
      --failing_;
      return e.Send(503, "text/plain", "busy", {{"Retry-After", "0"}});
    }
    const bool head = r.method == net::Method::kHead;
    if (!head && changes_ > 0) --changes_, ++generation_;  // right after it was listed
    const std::string tag = absl::StrCat("\"", generation_.load(), "\"");
    if (!r.header("if-match").empty() && r.header("if-match") != tag) return e.Send(412, "", "");
    e.Send(200, "", absl::StrCat("content ", generation_.load()), {{"ETag", tag}});
  }

  std::unique_ptr<Snapshots> Open() {
    return std::make_unique<Snapshots>(
        dir_.path() + "/models", options_, Environment{}, clock_,
        [](const Uri& uri, const Context& context) -> StatusOr<std::unique_ptr<Store>> { return https::MakeStore(uri, context); });
  }

  vigil::testing::TempDir dir_;
  std::atomic<int> asked_ = 0, failing_ = 0, changes_ = 0, generation_ = 1;
  std::unique_ptr<net::HttpServer> server_;
  SystemClock clock_;
  BlobOptions options_;
  std::string uri_;
};

TEST_F(OneFile, IsFetchedOnceAndKeptByItsContent) {
  auto snapshots = Open();
  const auto first = snapshots->Fetch(uri_, "");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*ReadWholeFile(first->path, 100), "content 1");
  EXPECT_EQ(first->digest, Sha256Hex("content 1"));
  EXPECT_TRUE(first->fetched);
  const auto again = Open()->Fetch(uri_, "");  // another process
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->fetched);
  EXPECT_EQ(again->path, first->path);
  EXPECT_EQ(*snapshots->Look(uri_), first->revision);
  generation_ = 2;
  EXPECT_NE(*snapshots->Look(uri_), first->revision);
}

TEST_F(OneFile, WhatMayPassIsTriedAgainAndNoMore) {
  failing_ = 2;
  EXPECT_TRUE(Open()->Fetch(uri_, "").ok());
  failing_ = 100;
  generation_ = 2;
  asked_ = 0;
  const auto failed = Open()->Fetch(uri_, "");
  EXPECT_TRUE(absl::IsUnavailable(failed.status())) << failed.status();
  EXPECT_EQ(asked_, 3);
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("HTTP 503"));
  const auto last = Open()->FetchOrLast(uri_, "");
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_TRUE(absl::IsUnavailable(last->stale));
  EXPECT_EQ(*ReadWholeFile(last->path, 100), "content 1");
}

TEST_F(OneFile, ThatChangesWhileItIsReadIsReadAnew) {
  changes_ = 2;
  const auto snapshot = Open()->Fetch(uri_, "");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(*ReadWholeFile(snapshot->path, 100), "content 3");
  changes_ = 1000;
  generation_ = 10;
  EXPECT_TRUE(absl::IsAborted(Open()->Fetch(uri_, "").status()));
}

TEST_F(OneFile, MustHaveTheDigestThatWasAskedFor) {
  const auto wrong = Open()->Fetch(uri_, std::string(64, '0'));
  EXPECT_TRUE(absl::IsDataLoss(wrong.status())) << wrong.status();
  EXPECT_TRUE(Open()->Fetch(uri_ + "#sha256=" + Sha256Hex("content 1"), "").ok());
}

TEST_F(OneFile, UnusedSnapshotsGoAndPinnedOnesStay) {
  auto snapshots = Open();
  auto first = snapshots->Fetch(uri_, "");
  generation_ = 2;
  const auto second = snapshots->Fetch(uri_, "");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(snapshots->RemoveUnused({}, {uri_}), 0) << "pinned";
  const std::string path = first->path;
  first = absl::UnknownError("let go");
  EXPECT_EQ(snapshots->RemoveUnused({path}, {uri_}), 0) << "a version is in it";
  EXPECT_EQ(snapshots->RemoveUnused({}, {uri_}), 1);
  EXPECT_FALSE(ReadWholeFile(path, 100).ok());
  EXPECT_TRUE(ReadWholeFile(second->path, 100).ok());
}

}  // namespace
}  // namespace vigil::blobs
