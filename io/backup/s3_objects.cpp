// Objects in S3 and in what speaks like it: requests signed by libcurl (CURLOPT_AWS_SIGV4, AWS signature
// version 4).
#include <openssl/evp.h>

#include "io/backup/file_objects.h"
#include "io/backup/object_requests.h"

namespace patronus::backup {
namespace {

// Of no bytes at all.
constexpr const char* kEmptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string hex_of(std::string_view bytes) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += {kHex[byte >> 4U], kHex[byte & 15U]};
  }
  return text;
}

class S3Objects : public Objects {
 public:
  explicit S3Objects(const Target& target) : target_(target) {
    const std::string region =
        target.region.empty() ? from_environment("AWS_REGION", "AWS_DEFAULT_REGION") : target.region;
    region_ = region.empty() ? "us-east-1" : region;
    std::string endpoint =
        target.endpoint.empty() ? "https://s3." + region_ + ".amazonaws.com" : target.endpoint;
    if (target.force_path_style) {
      base_ = endpoint + "/" + target.bucket;
    } else {
      const size_t host = endpoint.find("://") + 3;
      base_ = endpoint.insert(host, target.bucket + ".");
    }
    key_ = from_environment("LITESTREAM_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID");
    secret_ = from_environment("LITESTREAM_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY");
    token_ = from_environment("AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN");
  }

  std::variant<Listing, std::string> list(const std::string& folder) override {
    if (Fault fault = missing_keys()) return std::move(*fault);
    return list_pages(target_, folder,
                      [&](const std::string& prefix, const std::string& from) { return page(prefix, from); });
  }

  std::optional<std::string> put(const std::string& name, const std::string& from_file) override {
    if (Fault fault = missing_keys()) return fault;
    std::variant<Upload, std::string> opened = open_upload(from_file, EVP_sha256());
    if (auto* failed = std::get_if<std::string>(&opened)) return std::move(*failed);
    const auto& upload = std::get<Upload>(opened);
    ObjectRequest request = request_of("PUT", url_of(name), hex_of(upload.digest));
    request.upload = &upload;
    std::string answer;
    return requests_.perform(request, answer);
  }

  std::optional<std::string> get(const std::string& name, const std::string& to_file) override {
    if (Fault fault = missing_keys()) return fault;
    return requests_.download(request_of("GET", url_of(name), kEmptySha256), to_file);
  }

  std::optional<std::string> remove(const std::string& name) override {
    if (Fault fault = missing_keys()) return fault;
    std::string answer;
    return requests_.perform(request_of("DELETE", url_of(name), kEmptySha256), answer);
  }

 private:
  std::string url_of(const std::string& name) const {
    return base_ + "/" + uri_encoded(path_below(target_, name), true);
  }

  Fault missing_keys() const {
    if (!key_.empty() && !secret_.empty()) return std::nullopt;
    return target_.url() + " needs LITESTREAM_ACCESS_KEY_ID and LITESTREAM_SECRET_ACCESS_KEY";
  }

  std::variant<ListPage, std::string> page(const std::string& prefix, const std::string& from) {
    // In the order of their names, as they are signed.
    std::string query = "?";
    if (!from.empty()) query += "continuation-token=" + uri_encoded(from, false) + "&";
    query += "delimiter=%2F&list-type=2&prefix=" + uri_encoded(prefix, false);
    std::string answer;
    if (Fault failed = requests_.perform(request_of("GET", base_ + "/" + query, kEmptySha256), answer))
      return std::move(*failed);
    std::variant<ListPage, std::string> read = parse_s3_page(answer);
    if (const auto* failed = std::get_if<std::string>(&read)) return target_.url() + ": " + *failed;
    return read;
  }

  ObjectRequest request_of(const char* method, std::string url, const std::string& payload_sha256) const {
    ObjectRequest request;
    request.method = method;
    request.url = std::move(url);
    request.headers.push_back("x-amz-content-sha256: " + payload_sha256);
    if (!token_.empty()) request.headers.push_back("x-amz-security-token: " + token_);
    request.aws_signature = "aws:amz:" + region_ + ":s3";
    request.aws_user = key_ + ":" + secret_;
    return request;
  }

  Target target_;
  ObjectRequests requests_;
  std::string region_;
  std::string base_;
  std::string key_;
  std::string secret_;
  std::string token_;
};

}  // namespace

std::variant<ListPage, std::string> parse_s3_page(std::string_view xml) {
  const std::optional<XmlElement> root = parse_xml(xml);
  if (!root || root->name != "ListBucketResult") return "the answer is no list of objects";
  ListPage page;
  for (const XmlElement& one : root->children) {
    if (one.name == "Contents") {
      const XmlElement* key = one.child("Key");
      const std::optional<uint64_t> bytes = number_of(one.child("Size"));
      if (key == nullptr || !bytes) return "the list of objects is damaged";
      page.listing.objects.push_back({key->text, *bytes});
    } else if (one.name == "CommonPrefixes") {
      const XmlElement* prefix = one.child("Prefix");
      if (prefix == nullptr) return "the list of objects is damaged";
      page.listing.folders.push_back(prefix->text);
    }
  }
  const XmlElement* truncated = root->child("IsTruncated");
  if (truncated != nullptr && truncated->text == "true") {
    const XmlElement* token = root->child("NextContinuationToken");
    if (token == nullptr || token->text.empty()) return "the list of objects is cut short";
    page.continuation = token->text;
  }
  return page;
}

std::unique_ptr<Objects> open_s3_objects(const Target& target) { return std::make_unique<S3Objects>(target); }

}  // namespace patronus::backup
