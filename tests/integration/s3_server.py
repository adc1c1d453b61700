"""moto's S3, IAM and STS on a free port, run by test_sources.py with the Python of .deps/stores; checks each request's signature and policy.
Prints one JSON line when ready: {"port", "id", "secret", "role"}. Then one JSON command a line on standard input, one JSON answer a line:
{"put": [bucket, key, file], "args": {}} {"delete": [bucket, key]} {"rotate": true}."""
import json
import os
import sys

os.environ.update(AWS_ACCESS_KEY_ID="setup", AWS_SECRET_ACCESS_KEY="setup", AWS_DEFAULT_REGION="eu-central-1")
import boto3  # noqa: E402
import requests  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
port = server.get_host_and_port()[1]
url = f"http://127.0.0.1:{port}"


def client(service, key):
    return boto3.client(service, endpoint_url=url, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
                        config=boto3.session.Config(s3={"addressing_style": "path"}))


setup = {"AccessKeyId": "setup", "SecretAccessKey": "setup"}
iam = client("iam", setup)


def user(name, actions):
    iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    return iam.create_access_key(UserName=name)["AccessKey"]


writer, reader = user("writer", ["s3:*"]), user("reader", ["s3:ListBucket", "s3:GetObject", "s3:HeadObject", "sts:AssumeRole"])
role = iam.create_role(RoleName="models", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
iam.put_role_policy(RoleName="models", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject", "s3:HeadObject"], "Resource": "*"}]}))
client("s3", setup).create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
requests.post(url + "/moto-api/reset-auth", data=b"0", timeout=10).raise_for_status()
s3 = client("s3", writer)
print(json.dumps({"port": port, "id": reader["AccessKeyId"], "secret": reader["SecretAccessKey"], "role": role}), flush=True)
for line in sys.stdin:
    command = json.loads(line)
    try:
        if "put" in command:
            bucket, key, path = command["put"]
            with open(path, "rb") as f:
                s3.put_object(Bucket=bucket, Key=key, Body=f.read(), **command.get("args", {}))
        if "multipart" in command:
            bucket, key, path = command["multipart"]
            with open(path, "rb") as f:
                data = f.read()
            upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
            parts = [{"PartNumber": i + 1, "ETag": s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=i + 1, Body=piece)["ETag"]}
                     for i, piece in enumerate([data[:5 << 20], data[5 << 20:]]) if piece]
            s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        if "delete" in command:
            s3.delete_object(Bucket=command["delete"][0], Key=command["delete"][1])
        print("{}", flush=True)
    except Exception as e:  # the test shows it
        print(json.dumps({"error": str(e)}), flush=True)
