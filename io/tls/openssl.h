// OpenSSL's objects with owners, and its error queue in words.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

namespace patronus::tls {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using ContextHandle = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslHandle = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using BioHandle = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using GeneralNames = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;
using DistributionPoints = std::unique_ptr<CRL_DIST_POINTS, FreeWith<CRL_DIST_POINTS_free>>;
using Crl = std::unique_ptr<X509_CRL, FreeWith<X509_CRL_free>>;
using Asn1Number = std::unique_ptr<ASN1_INTEGER, FreeWith<ASN1_INTEGER_free>>;
using BigNumber = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;

// A view of the bytes for reading; it must not outlive them. Null only when memory is short.
[[nodiscard]] BioHandle reading_bio(std::string_view bytes);
// What was written to a memory BIO.
[[nodiscard]] std::string_view bio_contents(BIO* bio);

// The reason of the first error queued on this thread, as OpenSSL words it; the queue is emptied.
[[nodiscard]] std::string take_openssl_error();

}  // namespace patronus::tls
