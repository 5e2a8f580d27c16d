"""What the schemas of the template's types name among their permissions and the template does not need, with the reason.

`NOT_NEEDED[type]` is {reason: actions}; where the reason is a property's name, `Property` or `Property=value`, that property
(with that value) would need them and none of the template's resources sets it. tests/aws/test_iam_policy.py holds that.
"""

from __future__ import annotations

NO_ACTION = "AWS's service reference has no such action"
_KEY_POLICY = "the AWS managed key lets everybody of the account in through the service"
_NO_REPLICAS = "a table of this type has no replicas: those are AWS::DynamoDB::GlobalTable's"
_OWN_CALL = "the commands themselves delete objects, so it is allowed on them"
_ROTATES = "the function that rotates is one of the template's own, which has its role already"
_PASSED = "PassRole has a statement of its own, with a condition"

NOT_NEEDED: dict[str, dict[str, str]] = {
    "AWS::S3::Bucket": {
        "AbacStatus": "s3:PutBucketAbac",
        "AccelerateConfiguration": "s3:PutAccelerateConfiguration",
        "AccessControl": "s3:PutBucketAcl s3:PutObjectAcl s3:GetBucketAcl",
        "AnalyticsConfigurations": "s3:PutAnalyticsConfiguration",
        "CorsConfiguration": "s3:PutBucketCORS",
        "IntelligentTieringConfigurations": "s3:PutIntelligentTieringConfiguration",
        "InventoryConfigurations": "s3:PutInventoryConfiguration",
        "LoggingConfiguration": "s3:PutBucketLogging",
        "MetadataConfiguration": "s3:UpdateBucketMetadataAnnotationTableConfiguration"
        " s3:UpdateBucketMetadataInventoryTableConfiguration s3:UpdateBucketMetadataJournalTableConfiguration",
        "MetadataTableConfiguration": "s3:CreateBucketMetadataTableConfiguration s3:DeleteBucketMetadataTableConfiguration"
        " s3tables:CreateNamespace s3tables:CreateTable s3tables:CreateTableBucket s3tables:GetTable"
        " s3tables:GetTableMetadataLocation s3tables:PutTableBucketPolicy s3tables:PutTableEncryption"
        " s3tables:PutTablePolicy s3tables:UpdateTableMetadataLocation",
        "MetricsConfigurations": "s3:PutMetricsConfiguration",
        "NotificationConfiguration": "s3:PutBucketNotification",
        "ObjectLockConfiguration": "s3:PutBucketObjectLockConfiguration",
        "ReplicationConfiguration": "s3:PutReplicationConfiguration iam:PassRole",
        "WebsiteConfiguration": "s3:PutBucketWebsite s3:DeleteBucketWebsite",
        _OWN_CALL: "s3:DeleteObject",
        NO_ACTION: "s3:DeleteBucketAnalyticsConfiguration s3:DeleteBucketCors s3:DeleteBucketEncryption"
        " s3:DeleteBucketLifecycle s3:DeleteBucketMetricsConfiguration s3:DeleteBucketReplication s3:DeleteBucketTagging"
        " s3:PutBucketReplication s3:PutObjectLockConfiguration",
    },
    "AWS::CloudFront::Distribution": {
        "ConnectionMode": "cloudfront:CreateConnectionGroup cloudfront:GetConnectionGroup",
        "Staging": "cloudfront:UpdateDistributionWithStagingConfig",
        "VpcOriginConfig": "cloudfront:GetVpcOrigin",
        NO_ACTION: "cloudfront:CreateDistributionWithTags",
    },
    "AWS::ApiGatewayV2::Api": {"BodyS3Location": "s3:getObject"},
    "AWS::ApiGatewayV2::Authorizer": {"AuthorizerCredentialsArn": "iam:PassRole"},
    "AWS::ApiGatewayV2::Integration": {"CredentialsArn": "iam:PassRole"},
    "AWS::ApiGatewayV2::Stage": {NO_ACTION: "apigateway:TagResource apigateway:UntagResource"},
    "AWS::SecretsManager::Secret": {
        "ReplicaRegions": "secretsmanager:ReplicateSecretToRegions secretsmanager:RemoveRegionsFromReplication",
    },
    "AWS::SecretsManager::RotationSchedule": {_ROTATES: "iam:PassRole"},
    "AWS::IAM::Role": {
        "Description": "iam:UpdateRoleDescription",
        "ManagedPolicyArns": "iam:AttachRolePolicy iam:DetachRolePolicy",
        "PermissionsBoundary": "iam:PutRolePermissionsBoundary iam:DeleteRolePermissionsBoundary",
    },
    "AWS::Lambda::Function": {
        "CapacityProviderConfig": "lambda:PassCapacityProvider",
        "CodeSigningConfigArn": "lambda:GetCodeSigningConfig lambda:PutFunctionCodeSigningConfig"
        " lambda:DeleteFunctionCodeSigningConfig",
        "FileSystemConfigs": "elasticfilesystem:DescribeMountTargets s3files:ListMountTargets",
        "FunctionScalingConfig": "lambda:PutFunctionScalingConfig",
        "Layers": "lambda:GetLayerVersion",
        "PublishToLatestPublished": "lambda:PublishVersion",
        "RecursiveLoop": "lambda:PutFunctionRecursionConfig",
        "ReservedConcurrentExecutions": "lambda:PutFunctionConcurrency lambda:DeleteFunctionConcurrency",
        "RuntimeManagementConfig": "lambda:PutRuntimeManagementConfig",
        _KEY_POLICY: "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey",
        NO_ACTION: "lambda:AssociateRuntimeAlias",
        _PASSED: "iam:PassRole",
    },
    "AWS::Lambda::Version": {
        "FunctionScalingConfig": "lambda:PutFunctionScalingConfig",
        "ProvisionedConcurrencyConfig": "lambda:PutProvisionedConcurrencyConfig",
        "RuntimePolicy": "lambda:PutRuntimeManagementConfig",
    },
    "AWS::Lambda::Alias": {
        "ProvisionedConcurrencyConfig": "lambda:PutProvisionedConcurrencyConfig lambda:DeleteProvisionedConcurrencyConfig",
        "UpdatePolicy": "codedeploy:CreateDeployment codedeploy:GetDeployment codedeploy:GetDeploymentConfig"
        " codedeploy:GetDeploymentGroup codedeploy:StopDeployment",
    },
    "AWS::Logs::LogGroup": {
        "BearerTokenAuthenticationEnabled": "logs:PutBearerTokenAuthentication",
        "DataProtectionPolicy": "logs:PutDataProtectionPolicy logs:DeleteDataProtectionPolicy logs:CreateLogDelivery"
        " firehose:TagDeliveryStream",
        "DeletionProtectionEnabled": "logs:PutLogGroupDeletionProtection",
        "FieldIndexPolicies": "logs:PutIndexPolicy logs:DeleteIndexPolicy",
        "KmsKeyId": "logs:AssociateKmsKey logs:DisassociateKmsKey",
        "ResourcePolicyDocument": "logs:PutResourcePolicy logs:DeleteResourcePolicy",
        NO_ACTION: "s3:REST.PUT.OBJECT",
    },
    "AWS::DynamoDB::Table": {
        "ContributorInsightsSpecification": "dynamodb:UpdateContributorInsights",
        _NO_REPLICAS: "dynamodb:BatchWriteItem dynamodb:Scan dynamodb:AssociateTableReplica dynamodb:CreateTableReplica"
        " dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem"
        " iam:CreateServiceLinkedRole",
        "ImportSourceSpecification": "dynamodb:DescribeImport dynamodb:ImportTable logs:CreateLogGroup logs:CreateLogStream"
        " logs:DescribeLogGroups logs:DescribeLogStreams logs:PutLogEvents logs:PutRetentionPolicy s3:GetObject s3:ListBucket",
        "KinesisStreamSpecification": "dynamodb:EnableKinesisStreamingDestination dynamodb:DisableKinesisStreamingDestination"
        " dynamodb:UpdateKinesisStreamingDestination kinesis:DescribeStream kinesis:PutRecords",
        "ResourcePolicy": "dynamodb:PutResourcePolicy dynamodb:DeleteResourcePolicy",
        _KEY_POLICY: "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:Encrypt kms:ListAliases kms:RevokeGrant",
        NO_ACTION: "s3:GetObjectMetadata",
    },
    "AWS::Connect::IntegrationAssociation": {
        "IntegrationType=CASES_DOMAIN": "cases:GetDomain",
        "IntegrationType=EVENT": "app-integrations:CreateEventIntegrationAssociation"
        " app-integrations:DeleteEventIntegrationAssociation events:DeleteRule events:ListTargetsByRule events:PutRule"
        " events:PutTargets events:RemoveTargets",
        "IntegrationType=LEX_BOT": "connect:AssociateBot connect:DisassociateBot lex:CreateResourcePolicy"
        " lex:CreateResourcePolicyStatement lex:DeleteResourcePolicy lex:DeleteResourcePolicyStatement"
        " lex:DescribeBotAlias lex:GetBot lex:UpdateResourcePolicy",
        "IntegrationType=PINPOINT_APP": "mobiletargeting:GetApp",
        "IntegrationType=SES_IDENTITY": "ses:GetIdentityVerificationAttributes",
        "IntegrationType=VOICE_ID": "voiceid:DescribeDomain",
        "IntegrationType=WISDOM_ASSISTANT": "wisdom:GetAssistant wisdom:GetKnowledgeBase wisdom:GetMessageTemplate"
        " wisdom:GetQuickResponse wisdom:TagResource",
    },
}
