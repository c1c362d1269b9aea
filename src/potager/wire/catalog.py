"""Which AWS service a name on the wire means: target prefixes, Query versions, signing names.

Read from botocore's models once and written down here, because reading 400 models at start-up would take seconds; a
test holds every line against the models. A service that is missing here is one that Potager cannot even refuse by name.
"""

from __future__ import annotations

TARGETS = {
    "AmazonAthena": "athena",
    "AmazonDAXV3": "dax",
    "AmazonDMSv20160101": "dms",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "AmazonEC2ContainerServiceV20141113": "ecs",
    "AmazonForecast": "forecast",
    "AmazonForecastRuntime": "forecastquery",
    "AmazonML_20141212": "machinelearning",
    "AmazonMemoryDB": "memorydb",
    "AmazonPersonalize": "personalize",
    "AmazonSQS": "sqs",
    "AmazonSSM": "ssm",
    "AnyScaleFrontendService": "application-autoscaling",
    "AWSCognitoIdentityProviderService": "cognito-idp",
    "AWSCognitoIdentityService": "cognito-identity",
    "AWSEvents": "events",
    "AWSGlue": "glue",
    "AWSHawksNestServiceFacade": "frauddetector",
    "AWSKendraFrontendService": "kendra",
    "AWSLookoutEquipmentFrontendService": "lookoutequipment",
    "AWSOrganizationsV20161128": "organizations",
    "AWSPriceListService": "pricing",
    "AWSShineFrontendService_20170701": "translate",
    "AWSSimbaAPIService_v20180301": "fsx",
    "AWSStepFunctions": "stepfunctions",
    "CodeBuild_20161006": "codebuild",
    "CodeCommit_20150413": "codecommit",
    "CodePipeline_20150709": "codepipeline",
    "Comprehend_20171127": "comprehend",
    "ComprehendMedical_20181030": "comprehendmedical",
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "ElasticMapReduce": "emr",
    "Firehose_20150804": "firehose",
    "GraniteServiceVersion20100801": "cloudwatch",
    "Kinesis_20131202": "kinesis",
    "KinesisAnalytics_20150814": "kinesisanalytics",
    "KinesisAnalytics_20180523": "kinesisanalyticsv2",
    "Logs_20140328": "logs",
    "RedshiftData": "redshift-data",
    "RekognitionService": "rekognition",
    "ResourceGroupsTaggingAPI_20170126": "resourcegroupstaggingapi",
    "SageMaker": "sagemaker",
    "secretsmanager": "secretsmanager",
    "ServiceQuotasV20190624": "service-quotas",
    "StarlingDoveService": "config",
    "Textract": "textract",
    "Transcribe": "transcribe",
    "TrentService": "kms",
}
"""Services by what stands before the dot of `X-Amz-Target`, and in the path of Smithy RPC."""

QUERY = {
    "2010-03-31": "sns",
    "2010-05-08": "iam",
    "2010-05-15": "cloudformation",
    "2010-08-01": "cloudwatch",
    "2011-01-01": "autoscaling",
    "2011-06-15": "sts",
    "2012-06-01": "elb",
    "2012-12-01": "redshift",
    "2014-10-31": "rds",
    "2015-02-02": "elasticache",
    "2015-12-01": "elbv2",
    "2016-11-15": "ec2",
}
"""Services by the `Version` of a Query request."""

SIGNED_QUERY = {"sts": "sts", "iam": "iam", "sns": "sns", "monitoring": "cloudwatch"}
"""Services by signing name, for a Query request whose `Version` is missing or is another service's as well."""

PATHS = {
    "sagemaker": (
        "sagemaker-runtime",
        "sagemaker-featurestore-runtime",
        "sagemaker-metrics",
        "sagemaker-a2i-runtime",
        "sagemaker-inference-router-runtime",
        "sagemakerjobruntime",
        "sagemakertrainingsessionruntime",
    ),
    "sagemaker-geospatial": ("sagemaker-geospatial",),
    "bedrock": ("bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime"),
    "polly": ("polly",),
    "lambda": ("lambda",),
    "emr-serverless": ("emr-serverless",),
    "scheduler": ("scheduler",),
    "execute-api": (),
}
"""Services by signing name that are told apart by method and path."""
