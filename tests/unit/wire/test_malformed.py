"""Whatever bytes a stranger sends, what comes out is members or a fault."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potager.kernel.errors import Fault, WireError
from potager.wire import model, protocols
from potager.wire.message import Request
from potager.wire.protocols import document, xml

REQUEST = Request("POST", "/", "", {"host": "localhost"})
OPERATIONS = [
    ("sagemaker", "CreateTrainingJob", "json"),
    ("sagemaker", "Search", "json"),
    ("sagemaker-metrics", "BatchPutMetrics", "rest-json"),
    ("iam", "CreateRole", "query"),
    ("s3", "DeleteObjects", "rest-xml"),
    ("s3", "CompleteMultipartUpload", "rest-xml"),
    ("s3", "PutBucketAcl", "rest-xml"),
]


def parsed(service: str, name: str, protocol: str, body: bytes, request: Request = REQUEST) -> dict[str, object]:
    return protocols.of(protocol).parse(model.operation(service, name), request, body, {})


def refused(service: str, name: str, protocol: str, body: bytes) -> WireError:
    with pytest.raises(WireError) as caught:
        parsed(service, name, protocol, body)
    return caught.value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["TrainingJobName", "HyperParameters", "InputDataConfig", "DataSource", "Tags", "MetricData"]
            ),
            inner,
        )
    ),
    max_leaves=20,
)
TAGS = st.sampled_from(["Delete", "Object", "Key", "CompleteMultipartUpload", "Part", "Grantee", "Owner", "a:b"])
XML = st.recursive(
    st.text(max_size=8).map(xml.escape),
    lambda inner: st.tuples(TAGS, st.lists(inner, max_size=3)).map(
        lambda pair: f"<{pair[0]}>{''.join(pair[1])}</{pair[0]}>"
    ),
    max_leaves=12,
)
FORM = st.text(st.sampled_from("Tags.member.1.Key=&%2fRoleName.entry"), max_size=60)


@pytest.mark.parametrize(("service", "name", "protocol"), OPERATIONS)
@given(
    body=st.one_of(
        st.binary(max_size=60),
        JSON.map(lambda value: json.dumps(value).encode()),
        XML.map(lambda text: text.encode("utf-8", "replace")),
        FORM.map(str.encode),
    )
)
@settings(max_examples=150, deadline=None)
def test_any_body_is_parsed_or_refused(service: str, name: str, protocol: str, body: bytes) -> None:
    try:
        assert isinstance(parsed(service, name, protocol, body), dict)
    except Fault as fault:
        assert fault.message


@given(
    headers=st.dictionaries(
        st.sampled_from(
            ["x-amz-date", "if-modified-since", "range", "x-amz-meta-a", "x-amz-optional-object-attributes"]
        ),
        st.text(st.characters(max_codepoint=255), max_size=30),
    ),
    query=st.text(max_size=30).map(lambda text: f"partNumber={text}&response-expires={text}"),
)
@settings(max_examples=200, deadline=None)
def test_any_header_and_query_is_parsed_or_refused(headers: dict[str, str], query: str) -> None:
    try:
        assert isinstance(parsed("s3", "GetObject", "rest-xml", b"", Request("GET", "/b/k", query, headers)), dict)
    except WireError as error:
        assert error.code == "InvalidArgument"


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"a"', b"1", b"\xff", b'{"TrainingJobName": 1}', b'{"InputDataConfig": {}}']
)
def test_json_that_is_not_the_shape_cannot_be_serialized(body: bytes) -> None:
    error = refused("sagemaker", "CreateTrainingJob", "json", body)
    assert (error.code, error.status) == ("SerializationException", 400)


def test_a_mistyped_member_is_named() -> None:
    body = b'{"InputDataConfig": [{"ChannelName": "a"}, {"ChannelName": 1}]}'
    error = refused("sagemaker", "CreateTrainingJob", "json", body)
    assert error.message == "NUMBER_VALUE can not be converted to a String at 'inputDataConfig.2.member.channelName'."


def test_half_a_character_is_refused() -> None:
    for body in (b'{"TrainingJobName": "\\ud800"}', b'{"HyperParameters": {"\\udfff": "a"}}'):
        assert "Unicode" in refused("sagemaker", "CreateTrainingJob", "json", body).message


def test_an_empty_json_body_is_an_empty_object() -> None:
    assert parsed("sagemaker", "ListModels", "json", b"") == {}


@pytest.mark.parametrize("depth", [document.MAX_DEPTH + 1, 5000, 200_000])
def test_deep_json_is_refused(depth: int) -> None:
    body = b'{"SearchExpression":' * depth + b"1" + b"}" * depth
    assert refused("sagemaker", "Search", "json", body).code == "SerializationException"
    assert refused("sagemaker", "Search", "json", b"[" * depth).code == "SerializationException"


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete>",
        b"no xml",
        b'<!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Delete/>',
        b"<a>" * 100 + b"</a>" * 100,
        b"<Delete>&undefined;</Delete>",
        b"<Delete><Quiet>maybe</Quiet></Delete>",
        b"<?xml version='1.0' encoding='nonsense'?><Delete/>",
    ],
)
def test_xml_that_is_broken_or_dangerous_is_malformed(body: bytes) -> None:
    error = refused("s3", "DeleteObjects", "rest-xml", body)
    assert (error.code, error.status) == ("MalformedXML", 400)


def test_too_many_elements_are_refused() -> None:
    body = b"<Delete>" + b"<a/>" * (xml.MAX_ELEMENTS + 1) + b"</Delete>"
    assert refused("s3", "DeleteObjects", "rest-xml", body).code == "MalformedXML"


def test_forms_with_gaps_are_closed_and_deep_ones_refused() -> None:
    body = b"RoleName=r&Tags.member.10.Key=b&Tags.member.2.Key=a"
    assert parsed("iam", "CreateRole", "query", body) == {"RoleName": "r", "Tags": [{"Key": "a"}, {"Key": "b"}]}
    assert refused("iam", "CreateRole", "query", b".".join([b"a"] * 5000) + b"=1").code == "MalformedInput"


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_leaves_xml_that_can_be_read(text: str) -> None:
    node = xml.loads(f"<a>{xml.escape(text)}</a>".encode("utf-8", "replace"))
    if text.isprintable():
        assert node.text == text


@given(name=st.text(max_size=20), value=st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_no_value_ends_its_header(name: str, value: str) -> None:
    result = {"ContentType": value, "Metadata": {"note": value}}
    response = protocols.of("rest-xml").serialize(model.operation("s3", "GetObject"), result, "id")
    for _, text in response.headers:
        assert not set(text) & set("\r\n\0")
        text.encode("latin-1")
