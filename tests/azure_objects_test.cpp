// Objects in Azure: how requests are signed, what goes over the wire, and how lists are read. Signatures were
// made with another program (Python's hmac) from strings put together by hand.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <poll.h>
#include <rapidcheck/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "core/base/limits.h"
#include "io/backup/azure_objects.h"
#include "io/backup/xml.h"
#include "io/json/base64.h"

namespace patronus::backup::azure_objects_test {
namespace {

// Everybody's: of the emulator that Microsoft's documentation describes.
constexpr const char* kKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
std::string key_bytes() { return json::base64_decode(kKey).value_or(""); }

TEST(AzureSignature, IsAsMicrosoftSays) {
  // The example of "Authorize with Shared Key".
  AzureRequest request;
  request.method = "GET";
  request.path = "/mycontainer";
  request.query = {{"restype", "container"}, {"comp", "metadata"}, {"timeout", "20"}};
  request.headers = {{"x-ms-version", "2015-02-21"}, {"x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"}};
  const std::string text = azure_string_to_sign("myaccount", request);
  EXPECT_EQ(text,
            "GET\n\n\n\n\n\n\n\n\n\n\n\n"
            "x-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
            "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20");
  EXPECT_EQ(azure_signature(key_bytes(), text), "1u9lui2jDxj0+fpbHjQ5m5NnastJRSYM+PSmfi8TXx4=");
}

// Of the emulator the account is a part of the path too, and so stands there twice.
TEST(AzureSignature, OfAPutWithThePathOfTheEmulator) {
  AzureRequest request;
  request.method = "PUT";
  request.path = "/devstoreaccount1/backups/a%20b/c";
  request.headers = {{"x-ms-blob-type", "BlockBlob"},
                     {"x-ms-date", "Sun, 11 Oct 2009 19:52:39 GMT"},
                     {"x-ms-version", "2021-08-06"}};
  request.content_md5 = "XrY7u+Ae7tCTyyK7j1rNww==";
  request.content_bytes = 11;
  const std::string text = azure_string_to_sign("devstoreaccount1", request);
  EXPECT_EQ(text,
            "PUT\n\n\n11\nXrY7u+Ae7tCTyyK7j1rNww==\n\n\n\n\n\n\n\n"
            "x-ms-blob-type:BlockBlob\nx-ms-date:Sun, 11 Oct 2009 19:52:39 GMT\nx-ms-version:2021-08-06\n"
            "/devstoreaccount1/devstoreaccount1/backups/a%20b/c");
  EXPECT_EQ(azure_signature(key_bytes(), text), "2fbKT1UpI1+P/WUn/YdqnPLZnT7UWTUyPPO8AMfTwXM=");
}

constexpr std::string_view kHead =
    "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
    "<EnumerationResults ServiceEndpoint=\"https://a.blob.core.windows.net/\" ContainerName='box'>";

std::string page_of(const std::string& blobs, const std::string& marker) {
  return std::string(kHead) + "<Prefix>p/</Prefix><Delimiter>/</Delimiter><Blobs>" + blobs + "</Blobs>" +
         marker + "</EnumerationResults>";
}
std::string blob(const std::string& name, const std::string& bytes) {
  return "<Blob><Name>" + name + "</Name><Deleted/><Properties><Etag>0x8</Etag><Content-Length>" + bytes +
         "</Content-Length><Content-MD5 /></Properties></Blob>\n";
}

TEST(AzurePage, IsReadWhole) {
  const std::string xml =
      page_of(blob("p/a&amp;b", "12") +
                  "<BlobPrefix><Name>p/d/</Name></BlobPrefix>"
                  "<Blob><Name Encoded=\"true\">p/%EF%BF%BE%25</Name><Properties><Content-Length>3"
                  "</Content-Length></Properties></Blob><Blob><Name>p/&#xe4;&#8364;</Name>"
                  "<Properties><Content-Length>0</Content-Length></Properties></Blob>",
              "<NextMarker>t&lt;1</NextMarker>");
  const std::variant<ListPage, std::string> read = parse_azure_page(xml);
  ASSERT_TRUE(std::holds_alternative<ListPage>(read)) << std::get<std::string>(read);
  const auto& page = std::get<ListPage>(read);
  EXPECT_EQ(page.listing.objects,
            (std::vector<Object>{{"p/a&b", 12}, {"p/\xef\xbf\xbe%", 3}, {"p/\xc3\xa4\xe2\x82\xac", 0}}));
  EXPECT_EQ(page.listing.folders, std::vector<std::string>{"p/d/"});
  EXPECT_EQ(page.continuation, "t<1");
  for (const char* marker : {"<NextMarker/>", "<NextMarker />", "<NextMarker></NextMarker>"}) {
    const std::variant<ListPage, std::string> last = parse_azure_page(page_of("", marker));
    ASSERT_TRUE(std::holds_alternative<ListPage>(last)) << marker;
    EXPECT_EQ(std::get<ListPage>(last).continuation, "");
  }
  // A list that was cut short anywhere must not pass for all there is.
  for (size_t n = 0; n < xml.size(); ++n)
    EXPECT_TRUE(std::holds_alternative<std::string>(parse_azure_page(std::string_view(xml).substr(0, n))))
        << n;
}

TEST(AzurePage, OfNonsenseIsRefused) {
  const auto is_refused = [](const std::string& xml) {
    return std::holds_alternative<std::string>(parse_azure_page(xml));
  };
  const std::string last = "<NextMarker/>";
  EXPECT_FALSE(is_refused(page_of(blob("a", "1"), last)));
  EXPECT_TRUE(is_refused("<Error><Code>ContainerNotFound</Code></Error>"));
  EXPECT_TRUE(is_refused("<EnumerationResults><NextMarker/></EnumerationResults>")) << "no blobs";
  EXPECT_TRUE(is_refused(page_of(blob("a", "1"), ""))) << "no marker";
  EXPECT_TRUE(is_refused(page_of("", "<NextMarker/><NextMarker>x</NextMarker>")));
  for (const char* bytes : {"", "-1", "+1", "1x", " 1", "18446744073709551616"})
    EXPECT_TRUE(is_refused(page_of(blob("a", bytes), last))) << bytes;
  EXPECT_TRUE(is_refused(page_of(blob("", "1"), last)));
  EXPECT_TRUE(is_refused(page_of("<Blob><Name>a</Name></Blob>", last)));
  EXPECT_TRUE(is_refused(page_of("<Odd><Name>a</Name></Odd>", last)));
  EXPECT_TRUE(is_refused(page_of("<BlobPrefix/>", last)));
  EXPECT_TRUE(is_refused(page_of("text", last)));
  for (const char* name : {"%", "%4", "%4x", "%zz"})
    EXPECT_TRUE(is_refused(
        page_of("<BlobPrefix><Name Encoded=\"true\">" + std::string(name) + "</Name></BlobPrefix>", last)))
        << name;
  EXPECT_TRUE(is_refused(page_of(blob("a", "1"), last) + "more"));
}

TEST(Xml, IsStrictAndHasBounds) {
  for (const char* good :
       {"<a/>", "<a></a>", "<a b='c\"' d=\"&lt;\">t</a >", " <a> <b/> </a> ", "<a:b-c.d/>"})
    EXPECT_TRUE(parse_xml(good)) << good;
  for (const char* bad : {"",
                          "a",
                          "<",
                          "<a",
                          "<a>",
                          "</a>",
                          "<a></b>",
                          "<a/><b/>",
                          "<a><b></a></b>",
                          "<a>&odd;</a>",
                          "<a>&amp</a>",
                          "<a>&#0;</a>",
                          "<a>&#xd800;</a>",
                          "<a>&#x110000;</a>",
                          "<a>&#;</a>",
                          "<a>&#x;</a>",
                          "<a b/>",
                          "<a b=c/>",
                          "<a b='c/>",
                          "<a b='<'/>",
                          "<a b=''c=''/>",
                          "<1/>",
                          "<a>t<b/></a>",
                          "<a><b/>t</a>",
                          "<!-- c --><a/>",
                          "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
                          "<a><![CDATA[x]]></a>",
                          "<?xml version='1.0'",
                          "<a>\x01</a>"})
    EXPECT_FALSE(parse_xml(bad)) << bad;
  EXPECT_FALSE(parse_xml(std::string_view("<a>\0</a>", 8)));
  const auto nested = [](size_t depth) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += "<a>";
    for (size_t i = 0; i < depth; ++i) text += "</a>";
    return text;
  };
  EXPECT_TRUE(parse_xml(nested(kXmlDepthMax)));
  EXPECT_FALSE(parse_xml(nested(kXmlDepthMax + 1)));
  EXPECT_FALSE(parse_xml(nested(1'000'000)));
  std::string many = "<a>";
  for (size_t i = 1; i < kXmlElementsMax; ++i) many += "<b/>";
  EXPECT_TRUE(parse_xml(many + "</a>"));
  EXPECT_FALSE(parse_xml(many + "<b/></a>"));
  std::string attributes = "<a";
  for (size_t i = 0; i <= kXmlAttributesMax; ++i) attributes += " b" + std::to_string(i) + "=''";
  EXPECT_FALSE(parse_xml(attributes + "/>"));
}

RC_GTEST_PROP(AzurePage, NeverMindsItsBytes, (const std::string& bytes)) {
  (void)parse_azure_page(bytes);
  (void)parse_s3_page(bytes);
}

// Pieces of what is right, in any order, get further into the parser than chance does.
RC_GTEST_PROP(AzurePage, NeverMindsPieces, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      std::string(kHead), "</EnumerationResults>", "<Blobs>", "</Blobs>", "<Blob>", "</Blob>", "<Name>",
      "<Name Encoded=\"true\">", "</Name>", "<BlobPrefix>", "</BlobPrefix>", "<Properties>", "</Properties>",
      "<Content-Length>", "</Content-Length>", "<NextMarker/>", "<NextMarker>", "</NextMarker>", "a", "%4",
      "%41", "&amp;", "&#x", "&", ";", "7", "<", ">", "\"", "'", "/", " ", "\xff"));
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  (void)parse_azure_page(text);
}

// One byte of a page that is right is another one: whatever is read, it is read to its end.
RC_GTEST_PROP(AzurePage, NeverMindsAnotherByte, (char byte)) {
  std::string text = page_of(blob("p/a&amp;b", "12"), "<NextMarker>t&lt;1</NextMarker>");
  text[*rc::gen::inRange<size_t>(0, text.size())] = byte;
  (void)parse_azure_page(text);
}

std::string escaped(const std::string& name) {
  std::string out;
  for (const char c : name) out += "&#" + std::to_string(static_cast<unsigned char>(c)) + ";";
  return out;
}

RC_GTEST_PROP(AzurePage, IsReadAsItIsWritten, ()) {
  const auto names = *rc::gen::container<std::vector<std::string>>(
      rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127))));
  std::string blobs;
  std::vector<Object> expected;
  for (const std::string& name : names) {
    expected.push_back({name, *rc::gen::arbitrary<uint64_t>()});
    blobs += blob(escaped(name), std::to_string(expected.back().bytes));
  }
  const std::variant<ListPage, std::string> read = parse_azure_page(page_of(blobs, "<NextMarker/>"));
  RC_ASSERT(std::holds_alternative<ListPage>(read));
  RC_ASSERT(std::get<ListPage>(read).listing.objects == expected);
}

// A service on loopback that gives these answers, each on a connection of its own, and keeps what it was
// asked.
class Service {
 public:
  explicit Service(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(at);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Service() {
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // Once all has been answered.
  const std::vector<std::string>& asked() {
    if (thread_.joinable()) thread_.join();
    return asked_;
  }

 private:
  void serve() {
    for (const std::string& answer : answers_) {
      pollfd ready{listener_, POLLIN, 0};
      if (::poll(&ready, 1, 10'000) != 1) return;
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      asked_.push_back(request_from(fd));
      EXPECT_EQ(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL), static_cast<ssize_t>(answer.size()));
      ::close(fd);
    }
  }

  static std::string request_from(int fd) {
    std::string text;
    std::array<char, 4096> piece{};
    size_t whole = std::string::npos;
    while (text.size() < whole) {
      const ssize_t n = ::recv(fd, piece.data(), piece.size(), 0);
      if (n <= 0) break;
      text.append(piece.data(), static_cast<size_t>(n));
      const size_t end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      if (whole == std::string::npos && text.find("Expect: 100-continue\r\n") < end) {
        constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
        EXPECT_GT(::send(fd, kGoOn.data(), kGoOn.size(), MSG_NOSIGNAL), 0);
      }
      const size_t length = text.find("Content-Length: ");
      whole = end + 4 + (length < end ? std::stoul(text.substr(length + 16)) : 0);
    }
    return text;
  }

  std::vector<std::string> answers_;
  std::vector<std::string> asked_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

std::string answer_of(const std::string& status, const std::string& body, const std::string& more = "") {
  return "HTTP/1.1 " + status + "\r\n" + more +
         "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string header_of(const std::string& request, const std::string& name) {
  const size_t at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const size_t begin = at + name.size() + 4;
  return request.substr(begin, request.find("\r\n", begin) - begin);
}

class AzureObjects : public ::testing::Test {
 protected:
  AzureObjects() {
    std::string pattern = ::testing::TempDir() + "patronus-azure-XXXXXX";
    home_ = ::mkdtemp(pattern.data());
    ::setenv("LITESTREAM_AZURE_ACCOUNT_KEY", kKey, 1);
  }
  ~AzureObjects() override {
    ::unsetenv("LITESTREAM_AZURE_ACCOUNT_KEY");
    std::error_code error;
    std::filesystem::remove_all(home_, error);
  }

  static std::unique_ptr<Objects> open(const std::string& url) {
    return open_objects(std::get<Target>(parse_target(url)));
  }
  static std::unique_ptr<Objects> open_at(const Service& service) {
    return open("abs://acc@box/p%20q?endpoint=" + service.endpoint() + "/acc");
  }
  std::string file(const std::string& name) const { return home_ + "/" + name; }
  static std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::string home_;
};

TEST_F(AzureObjects, AreListedPageByPage) {
  Service service(
      {answer_of("200 OK", page_of(blob("p q/b", "2") + "<BlobPrefix><Name>p q/z/</Name></BlobPrefix>",
                                   "<NextMarker>2!x &amp;=</NextMarker>")),
       answer_of("200 OK", page_of("", "<NextMarker>3</NextMarker>")),
       answer_of("200 OK", page_of("<BlobPrefix><Name>p q/y/</Name></BlobPrefix>" + blob("p q/a", "1") +
                                       blob("other", "9") + blob("p q/", "9"),
                                   "<NextMarker/>"))});
  const std::variant<Listing, std::string> listed = open_at(service)->list("");
  ASSERT_TRUE(std::holds_alternative<Listing>(listed)) << std::get<std::string>(listed);
  EXPECT_EQ(std::get<Listing>(listed), (Listing{{"y", "z"}, {{"a", 1}, {"b", 2}}}));
  const std::vector<std::string>& asked = service.asked();
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_TRUE(asked[0].starts_with(
      "GET /acc/box?comp=list&delimiter=%2F&maxresults=1000&prefix=p%20q%2F&restype=container HTTP/1.1\r\n"))
      << asked[0];
  EXPECT_NE(asked[1].find("&marker=2%21x%20%26%3D&"), std::string::npos) << asked[1];
  EXPECT_NE(asked[2].find("&marker=3&"), std::string::npos) << asked[2];
  const std::string date = header_of(asked[1], "x-ms-date");
  EXPECT_TRUE(date.ends_with(" GMT")) << date;
  EXPECT_EQ(header_of(asked[1], "x-ms-version"), "2021-08-06");
  EXPECT_EQ(header_of(asked[1], "Authorization"),
            "SharedKey acc:" +
                azure_signature(key_bytes(), "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:" + date +
                                                 "\nx-ms-version:2021-08-06\n/acc/acc/box\ncomp:list\n"
                                                 "delimiter:/\nmarker:2!x &=\nmaxresults:1000\n"
                                                 "prefix:p q/\nrestype:container"));
}

TEST_F(AzureObjects, ArePutWithTheirHash) {
  Service service({answer_of("201 Created", ""), answer_of("201 Created", "")});
  std::ofstream(file("full")) << "hello world";
  std::ofstream(file("empty")).flush();
  const std::unique_ptr<Objects> objects = open_at(service);
  EXPECT_EQ(objects->put("c/n/full", file("full")), std::nullopt);
  EXPECT_EQ(objects->put("c/n/empty", file("empty")), std::nullopt);
  const std::vector<std::string>& asked = service.asked();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_TRUE(asked[0].starts_with("PUT /acc/box/p%20q/c/n/full HTTP/1.1\r\n")) << asked[0];
  EXPECT_TRUE(asked[0].ends_with("\r\n\r\nhello world")) << asked[0];
  EXPECT_EQ(header_of(asked[0], "Content-MD5"), "XrY7u+Ae7tCTyyK7j1rNww==");
  EXPECT_EQ(header_of(asked[0], "x-ms-blob-type"), "BlockBlob");
  EXPECT_EQ(header_of(asked[1], "Content-Length"), "0");
  for (size_t i = 0; i < asked.size(); ++i) {
    const std::string text =
        (i == 0 ? "PUT\n\n\n11\n" : "PUT\n\n\n\n") + header_of(asked[i], "Content-MD5") +
        "\n\n\n\n\n\n\n\nx-ms-blob-type:BlockBlob\nx-ms-date:" + header_of(asked[i], "x-ms-date") +
        "\nx-ms-version:2021-08-06\n/acc/acc/box/p%20q/c/n/" + (i == 0 ? "full" : "empty");
    EXPECT_EQ(header_of(asked[i], "Authorization"), "SharedKey acc:" + azure_signature(key_bytes(), text));
    EXPECT_EQ(header_of(asked[i], "Content-Type"), "") << "it would have to be signed";
  }
}

// Libcurl alone takes it for success.
TEST_F(AzureObjects, AreNotPutByARedirection) {
  Service service({answer_of("307 Temporary Redirect", "", "Location: http://127.0.0.1:1/\r\n")});
  std::ofstream(file("x")) << "x";
  const std::optional<std::string> fault = open_at(service)->put("x", file("x"));
  ASSERT_TRUE(fault);
  EXPECT_NE(fault->find("status is 307"), std::string::npos) << *fault;
}

TEST_F(AzureObjects, AreFetchedWholeOrNotAtAll) {
  Service service({answer_of("200 OK", "hello"),
                   "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhello",
                   answer_of("404 Not Found", "<Error/>", "X-Ms-Error-Code: BlobNotFound\r\n")});
  const std::unique_ptr<Objects> objects = open_at(service);
  std::ofstream(file("x")) << "something longer that was there before";
  EXPECT_EQ(objects->get("x", file("x")), std::nullopt);
  EXPECT_EQ(content(file("x")), "hello");
  EXPECT_NE(objects->get("x", file("x")), std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(file("x")));
  const std::optional<std::string> missing = objects->get("x", file("x"));
  ASSERT_TRUE(missing);
  EXPECT_NE(missing->find("404, BlobNotFound"), std::string::npos) << *missing;
  EXPECT_EQ(missing->find("SharedKey"), std::string::npos) << *missing;
  EXPECT_FALSE(std::filesystem::exists(file("x")));
}

TEST_F(AzureObjects, AreRemovedOnceAndForAll) {
  Service service({answer_of("202 Accepted", ""), answer_of("404 Not Found", ""), answer_of("403 No", "")});
  const std::unique_ptr<Objects> objects = open_at(service);
  EXPECT_EQ(objects->remove("x"), std::nullopt);
  EXPECT_EQ(objects->remove("x"), std::nullopt);
  EXPECT_NE(objects->remove("x"), std::nullopt);
  EXPECT_TRUE(service.asked().front().starts_with("DELETE /acc/box/p%20q/x HTTP/1.1\r\n"));
}

TEST_F(AzureObjects, AreNotListedForEver) {
  Service service(std::vector<std::string>(limits::kBackupListPagesMax,
                                           answer_of("200 OK", page_of("", "<NextMarker>x</NextMarker>"))));
  const std::variant<Listing, std::string> listed = open_at(service)->list("");
  ASSERT_TRUE(std::holds_alternative<std::string>(listed));
  EXPECT_NE(std::get<std::string>(listed).find("too much"), std::string::npos);
}

TEST_F(AzureObjects, SayWhatIsWrong) {
  const auto fault = [this](const std::string& url) {
    const std::unique_ptr<Objects> objects = open(url);
    const std::variant<Listing, std::string> listed = objects->list("");
    EXPECT_TRUE(objects->put("x", file("x")));
    EXPECT_TRUE(objects->get("x", file("x")));
    EXPECT_TRUE(objects->remove("x"));
    return std::holds_alternative<std::string>(listed) ? std::get<std::string>(listed) : "";
  };
  const auto says = [&](const std::string& url, const std::string& words) {
    EXPECT_NE(fault(url).find(words), std::string::npos) << url << ": " << fault(url);
  };
  Service service({answer_of("200 OK", "<html/>")});
  const std::variant<Listing, std::string> odd = open_at(service)->list("");
  ASSERT_TRUE(std::holds_alternative<std::string>(odd));
  EXPECT_NE(std::get<std::string>(odd).find("no list of blobs"), std::string::npos);
  says("abs://a%3Fb@box", "account");
  says("abs://acc@box?endpoint=http://127.0.0.1:1/acc%3Fsig=x", "endpoint");
  ::setenv("LITESTREAM_AZURE_ACCOUNT_KEY", "s3cr3t!", 1);
  says("abs://acc@box", "is no key");
  EXPECT_EQ(fault("abs://acc@box").find("s3cr3t"), std::string::npos);
  ::unsetenv("LITESTREAM_AZURE_ACCOUNT_KEY");
  says("abs://acc@box", "needs LITESTREAM_AZURE_ACCOUNT_KEY");
  EXPECT_EQ(open("gcs://box"), nullptr);
  EXPECT_FALSE(takes_objects(TargetKind::kGcs));
}

}  // namespace
}  // namespace patronus::backup::azure_objects_test
