#include "io/auth/hmac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "core/base/assert.h"

namespace patronus::auth {
namespace {

const unsigned char* in(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

void HmacSha256::Free::operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }

// The digest is looked up once and stays with the context: to do so for each code costs more than the code.
HmacSha256::HmacSha256() {
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  context_.reset(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);
  char digest[] = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  PATRONUS_ASSERT(context_ != nullptr && EVP_MAC_CTX_set_params(context_.get(), parameters.data()) == 1,
                  "OpenSSL has HMAC-SHA256");
}

std::array<char, kHmacBytes> HmacSha256::code(std::string_view key, std::string_view first,
                                              std::string_view second) {
  std::array<char, kHmacBytes> code{};
  size_t bytes = 0;
  const bool done =
      EVP_MAC_init(context_.get(), in(key), key.size(), nullptr) == 1 &&
      EVP_MAC_update(context_.get(), in(first), first.size()) == 1 &&
      EVP_MAC_update(context_.get(), in(second), second.size()) == 1 &&
      EVP_MAC_final(context_.get(), reinterpret_cast<unsigned char*>(code.data()), &bytes, code.size()) == 1;
  PATRONUS_ASSERT(done && bytes == kHmacBytes, "OpenSSL does what it is asked");
  return code;
}

}  // namespace patronus::auth
