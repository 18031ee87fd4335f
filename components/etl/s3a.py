"""Hadoop's way to S3: the jars that it needs, and no more of the SDK than that.

The SDK's own bundle has every service of AWS in 650 MB; these are 13.
"""

from components.etl.jars import Jar

_SDK, _SDK_VERSION = "software.amazon.awssdk", "2.57.8"
_MODULES = {
    "apache-client": "b45e150ab8ea7b99820b72a2a8726708d379d06130d26f3f49a4e96975d71da1",
    "arns": "94e7bf9437b79c0c30bfa14d5ac532b032b5d3025a63a928e811306fe61f0c83",
    "auth": "007edd3374577a53295c341bc71370af53e4da7f646862c39669f19ef2eb3fdc",
    "aws-core": "0eaee342efc79341a1c02c8a283a1d47c4c5fb85d962fe94de56a5cc45e95e31",
    "aws-query-protocol": "997f6212e71077f378e85c34c6f6c2d23056ca7ffb93de287cab23d5a3ce5799",
    "aws-xml-protocol": "fbfe1adb9542a0989c0d37fcb65bccd332d13928627905d94b38836c13dd9395",
    "checksums": "d3f5b7ac0d055d26aa9565257a431bc608a89f53098689ccb6e49a28eb44522e",
    "checksums-spi": "d2d7f87a48022c8e819c0c29495b1296c54549a9b1123e3ad5bd154a5de2c298",
    "endpoints-spi": "aa9984db787239ebba4c72f7610f21cc24ab8e51b09d9e723a460c4981f317c3",
    "eventstream": "5cb6a34a0054d0388b5f6998d3d6ae55e59fcd231cea3537429ced67e5394bb0",
    "http-auth": "78b7b9ccce2f7c352f8e70217ee76b7e7f70bd36d7ea319b7c4e8e6e39210388",
    "http-auth-aws": "a9e2ab376db220b3c72704496cd19401efde529e8a4a833c3462b67a759eca00",
    "http-auth-aws-eventstream": "506672e012c2d7dbf54485697f710b1bc36911e482dfd2f03379ada991ccabab",
    "http-auth-spi": "09e032dbe524e72d48a969ed34208178aec77e0e5cdb15621aa684d15bbf17b0",
    "http-client-spi": "879c6c44f42539253d6ac501e634dace51def6e4eac206e6a2c5b12deec7092a",
    "identity-spi": "6cd55d9bce3d8fc96729c8786ca451a7592db22f65564ee43fcf5977e1b0df12",
    "json-utils": "5445cf5b375e086aa2f2fa73a60820abaa996406b129a5d67f2010fe0408dcd2",
    "metrics-spi": "2aa0e5e1bf0859175f296908b4c2291900b8a3092ff74fedc6bb4c6545eecc19",
    "netty-nio-client": "0a0b9b24a28034d86402bc422a1f0d6bf6fe4ecbdad4c8d19af3fa2e7b95cd92",
    "profiles": "a569d92320886a14f8efb8c26cc897c4b0f830c1dddff39f17c7506365ec7efb",
    "protocol-core": "60c84ae2ab04ae11f30482e1a16ede98dd98ca7c677583282d21cb3143e8c4de",
    "regions": "9b781252515549243a899829ff9a0e26be84dbe79d852fbd4fdc8c9882191839",
    "retries": "41f07d1cf30158410e9cb1ded8db92329733c2345f0fb9d6ed85f3887e1b1e0a",
    "retries-spi": "0489225c14e579515cc7988b84298901aca0f993e2305f6c2261beed1d834a93",
    "s3": "bc57e1d16550a1dc4f464adaacedf8451fcf890bd8b201cd76fac322c4576927",
    "s3-transfer-manager": "bc08e3794c62da49995bb1a4ca810754ba8425e830cee81c2fa6762cdf89139d",
    "sdk-core": "c51385c9954073e7182bf78c28ca5d20079637c0693681a835081df522b4e737",
    "third-party-jackson-core": "ae23adf5b08e5e8a8470532094d2d43eea62dcd2ab0fc2c037dad77118041d17",
    "utils": "5ccc52464978b8b866510194587790ef35bc509724753e4f668ec1604709d7b0",
    "utils-lite": "8d26d5bbf01c70e2beddbe1e576d034d8222e6283d134f7e7ce0bbaa8faa47e2",
}
JARS = (
    Jar(
        "org.apache.hadoop",
        "hadoop-aws",
        "3.5.0",
        "66bd9eefb938b1a1657487324b63c13df2d8b17164a1dd24e0ef37b905bc5baa",
    ),
    # Its constants are asked for whatever kind of stream is read.
    Jar(
        "software.amazon.s3.analyticsaccelerator",
        "analyticsaccelerator-s3",
        "1.3.1",
        "4959a9747cbb479c73c3ffbcd479bee5b014f8b2880994585a8693fb9d24675e",
    ),
    # It binds Spark's writing to S3A's committer.
    Jar(
        "org.apache.spark",
        "spark-hadoop-cloud_2.13",
        "4.1.1",
        "e5b41b43d481510afd0cdc372b593770ddee5a0a348d0744cef6c6cd77a27943",
    ),
    Jar(
        "org.reactivestreams",
        "reactive-streams",
        "1.0.4",
        "f75ca597789b3dac58f61857b9ac2e1034a68fa672db35055a8fb4509e325f28",
    ),
    *(Jar(_SDK, name, _SDK_VERSION, sha256) for name, sha256 in _MODULES.items()),
)
